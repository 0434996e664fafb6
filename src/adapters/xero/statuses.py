"""
What Xero's answers mean.

https://developer.xero.com/documentation/oauth2/troubleshooting and
https://developer.xero.com/documentation/guides/oauth2/limits; a 401 for a missing scope says so in
`WWW-Authenticate`, and refreshing does not help against it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

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

LIMITS = {
    "minute": Limit.MINUTE,
    "day": Limit.DAY,
    "daily": Limit.DAY,
    "concurrent": Limit.CONCURRENT,
    "appminute": Limit.APP_MINUTE,
}

LONGEST_WAIT = timedelta(hours=25)
"""A day's window, and an hour for clocks; a longer advice is not believed."""


def fault_of(answer: Answer, now: datetime) -> ServiceError | None:
    """The error that an API answer stands for; None if it is a good one."""
    if 200 <= answer.status < 300 or answer.status == 304:  # noqa: PLR2004
        return None
    fault = _fault(answer, now)
    fault.limits = limits_seen(answer.headers)
    return fault


def _fault(answer: Answer, now: datetime) -> ServiceError:
    status = answer.status
    if status == 429:  # noqa: PLR2004
        return RateLimited(_limit(answer.headers), retry_after(answer.headers, now))
    if status >= 500:  # noqa: PLR2004
        return XeroUnavailable("Xero has an outage", status=status)
    return _client_fault(answer)


def _client_fault(answer: Answer) -> ServiceError:
    match answer.status:
        case 401 if _is_scope_fault(answer):
            return ScopeMissing("the consent does not cover this resource")
        case 401:
            return AccessExpired("the access token is not accepted")
        case 403:
            return AccessForbidden("Xero refuses this organisation")
        case 404:
            return RecordNotFound("Xero has no such record")
        case status:
            return RequestRefused("Xero refuses the request", status=status)


def _is_scope_fault(answer: Answer) -> bool:
    challenge = answer.headers.get("www-authenticate", "")
    return "insufficient_scope" in challenge or b"AuthorizationUnsuccessful" in answer.data


def _limit(headers: Mapping[str, str]) -> Limit:
    said = headers.get("x-rate-limit-problem", "").lower().replace("-", "").replace("_", "")
    return LIMITS.get(said, Limit.MINUTE)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Xero's advice, as seconds or as a date (RFC 9110, 10.2.3); None where none can be read."""
    said = headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        wait = timedelta(seconds=min(int(said[:9]), int(LONGEST_WAIT.total_seconds())))
    else:
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return None
        wait = at.replace(tzinfo=at.tzinfo or UTC) - now
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


def limits_seen(headers: Mapping[str, str]) -> LimitsSeen:
    """What an answer says is left."""
    return LimitsSeen(
        minute=_count(headers.get("x-minlimit-remaining")),
        day=_count(headers.get("x-daylimit-remaining")),
        app_minute=_count(headers.get("x-appminlimit-remaining")),
    )


def _count(said: str | None) -> int | None:
    return int(said[:9]) if said is not None and said.isascii() and said.isdigit() else None
