from datetime import timedelta

import pytest

from builders import make_failure
from domain.errors import (
    AccessForbidden,
    Limit,
    RateLimited,
    RequestRefused,
    ServiceError,
    UnreadableMessage,
    XeroUnavailable,
)
from domain.model.failures import context_of


def test_failures_are_grouped_by_cause_and_not_by_whom_they_hit() -> None:
    failure = make_failure(error="RequestRefused", place="sync", stream="employees")
    assert failure.fingerprint == "RequestRefused:sync:employees"
    assert make_failure(subject="another", stream="employees").fingerprint == failure.fingerprint
    assert make_failure(stream=None).fingerprint == "RequestRefused:sync"


@pytest.mark.parametrize(
    ("error", "context"),
    [
        (RateLimited(Limit.DAY, timedelta(hours=1)), {"limit": "day"}),
        (RequestRefused("a text that quotes", status=400), {"status": "400"}),
        (XeroUnavailable("away", status=503), {"status": "503"}),
        (XeroUnavailable("away"), {}),
        (AccessForbidden("no"), {}),
    ],
)
def test_only_codes_of_an_error_are_kept(error: ServiceError, context: dict[str, str]) -> None:
    assert context_of(error) == context


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UnreadableMessage("malformed_event", "$.data"), "malformed_event $.data"),
        (UnreadableMessage("not_json"), "not_json"),
        (RateLimited(Limit.APP_MINUTE, None), "app_minute limit reached"),
    ],
)
def test_errors_say_what_they_are_in_codes(error: ServiceError, text: str) -> None:
    assert str(error) == text
