from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xero.statuses import LONGEST_WAIT, fault_of, limits_seen, retry_after
from adapters.xero.transport import Answer
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    Limit,
    RateLimited,
    RecordNotFound,
    RequestRefused,
    ScopeMissing,
    ServiceError,
    XeroUnavailable,
)
from domain.model.budget import LimitsSeen

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def fault(status: int, data: bytes = b"", **headers: str) -> ServiceError | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fault_of(Answer(status, named, data, len(data)), NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 299, 304])
def test_a_good_answer_is_no_fault(status: int) -> None:
    assert fault(status) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (100, RequestRefused),
        (301, RequestRefused),
        (302, RequestRefused),
        (400, RequestRefused),
        (401, AccessExpired),
        (403, AccessForbidden),
        (404, RecordNotFound),
        (405, RequestRefused),
        (409, RequestRefused),
        (410, RequestRefused),
        (412, RequestRefused),
        (418, RequestRefused),
        (422, RequestRefused),
        (429, RateLimited),
        (500, XeroUnavailable),
        (501, XeroUnavailable),
        (502, XeroUnavailable),
        (503, XeroUnavailable),
        (504, XeroUnavailable),
        (599, XeroUnavailable),
    ],
)
def test_every_status_has_one_meaning(status: int, error: type[ServiceError]) -> None:
    found = fault(status, b"<html>secret</html>")
    assert type(found) is error
    assert "secret" not in str(found)
    if isinstance(found, RequestRefused | XeroUnavailable):
        assert found.status == status


@pytest.mark.parametrize(
    ("data", "challenge"),
    [
        (b"", 'Bearer error="insufficient_scope"'),
        (b'{"Title":"Unauthorized","Detail":"AuthorizationUnsuccessful"}', ""),
    ],
)
def test_a_missing_scope_is_told_from_an_expired_token(data: bytes, challenge: str) -> None:
    assert type(fault(401, data, www_authenticate=challenge)) is ScopeMissing
    assert type(fault(401, b"TokenExpired", www_authenticate='Bearer error="invalid_token"')) is AccessExpired


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("minute", Limit.MINUTE),
        ("Minute", Limit.MINUTE),
        ("day", Limit.DAY),
        ("Daily", Limit.DAY),
        ("concurrent", Limit.CONCURRENT),
        ("appminute", Limit.APP_MINUTE),
        ("App-Minute", Limit.APP_MINUTE),
        ("app_minute", Limit.APP_MINUTE),
        ("something else", Limit.MINUTE),
        ("", Limit.MINUTE),
    ],
)
def test_a_429_says_which_limit_was_hit_and_the_minute_if_it_does_not(said: str, limit: Limit) -> None:
    found = fault(429, x_rate_limit_problem=said)
    assert isinstance(found, RateLimited)
    assert (found.limit, found.retry_after) == (limit, None)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("0", SECOND),
        ("1", SECOND),
        ("37", 37 * SECOND),
        ("86400", timedelta(days=1)),
        ("99999999999999999999", LONGEST_WAIT),
        ("Fri, 20 Nov 2026 03:00:30 GMT", 30 * SECOND),
        ("Fri, 20 Nov 2026 03:00:30 -0000", 30 * SECOND),
        ("Fri, 20 Nov 2026 16:00:30 +1300", 30 * SECOND),
        ("Fri, 20 Nov 2026 02:00:00 GMT", SECOND),
        ("Fri, 20 Nov 2099 02:00:00 GMT", LONGEST_WAIT),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("²", None),
        ("5 seconds", None),
        ("Fri, 99 Nov 2026 03:00:30 GMT", None),
    ],
)
def test_every_form_of_advice_is_read_or_left(said: str, wait: timedelta | None) -> None:
    assert retry_after({"retry-after": said}, NOW) == wait
    found = fault(429, retry_after=said)
    assert isinstance(found, RateLimited)
    assert found.retry_after == wait


def test_no_advice_is_none() -> None:
    assert retry_after({}, NOW) is None


@given(st.integers(min_value=0))
def test_advice_in_seconds_is_at_least_one_and_at_most_a_day_and_an_hour(seconds: int) -> None:
    assert retry_after({"retry-after": str(seconds)}, NOW) in (
        max(SECOND, min(timedelta(seconds=min(seconds, 10**6)), LONGEST_WAIT)),
        LONGEST_WAIT,
    )


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-12, 14),
)
def test_advice_by_date_is_read_in_any_zone(moment: datetime, hours: int) -> None:
    at = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    expected = min(max(at - NOW, SECOND), LONGEST_WAIT)
    assert retry_after({"retry-after": format_datetime(at)}, NOW) == expected


DATE_LIKE = st.lists(
    st.sampled_from(
        ["Mon,", "Mon", ",", "20", "Nov", "2026", "99999", "03:00:30", "3:0", "::", "GMT", "+9999", "-"]
    ),
    max_size=9,
).map(" ".join)


@given(st.text(max_size=30) | DATE_LIKE)
def test_no_advice_does_more_than_being_left(said: str) -> None:
    found = retry_after({"retry-after": said}, NOW)
    assert found is None or SECOND <= found <= LONGEST_WAIT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_fault_says_what_is_left_as_a_good_answer_does(status: int) -> None:
    found = fault(status, x_minlimit_remaining="7", x_daylimit_remaining="900")
    assert found is not None
    assert found.limits == LimitsSeen(minute=7, day=900)


def test_what_is_left_is_read_from_every_answer() -> None:
    headers = {
        "x-minlimit-remaining": "59",
        "x-daylimit-remaining": "4999",
        "x-appminlimit-remaining": "9999",
    }
    assert limits_seen(headers) == LimitsSeen(minute=59, day=4_999, app_minute=9_999)
    assert limits_seen({}) == LimitsSeen()


@pytest.mark.parametrize("said", ["", "-1", "1.5", "many", "²", "١٢"])
def test_what_cannot_be_read_of_a_limit_is_not_known(said: str) -> None:
    assert limits_seen({"x-minlimit-remaining": said}) == LimitsSeen()


def test_a_limit_of_any_length_is_a_number() -> None:
    assert limits_seen({"x-daylimit-remaining": "9" * 400}).day == 999_999_999
