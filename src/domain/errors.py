"""
Every error this service raises on purpose, sorted by what happens next.

Anything else that escapes a use case is a bug and is treated as one.
"""

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.model.budget import LimitsSeen


class ServiceError(Exception):
    """
    Superclass of the errors below; never raised itself.

    Where Xero was asked: how many `calls` it took to come to this, and what the last answer said is left;
    None if it did not say, or never arrived.
    """

    calls = 1
    limits: "LimitsSeen | None" = None


class PermanentError(ServiceError):
    """Trying again cannot help; a person or a new message must act."""


class TransientError(ServiceError):
    """Trying again later may help."""


class StorageUnavailable(TransientError):
    """The database cannot be reached, or refused for a passing reason. Carries no driver text."""


class StorageFull(StorageUnavailable):
    """The database has no room for more: it goes on when somebody has made some."""


class StorageConflict(TransientError):
    """Two writers wanted what only one can have; the next try sees who won."""


class EventBusy(TransientError):
    """The same event is being worked on by somebody else right now."""


class BrokerUnavailable(TransientError):
    """The message broker cannot be reached, or did not confirm."""


class PublishRefused(TransientError):
    """The broker would not take this event: nobody's queue is bound to it, or one is full."""


class RefreshBusy(TransientError):
    """Somebody else is refreshing this token set, or a refresh has just failed."""


class ConsentWithdrawn(PermanentError):
    """No token that we hold is accepted any more; the clinic has to connect again."""


class UnreadableMessage(PermanentError):
    """
    A message that no version of the contract describes.

    `code` says what is wrong with it; `where` is a field's path, as `$.data.clinic_id`, and quotes nothing.
    """

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(f"{code} {where}".strip())
        self.code = code
        self.where = where


class Fenced(PermanentError):
    """The connection moved on (disconnected, or leased to somebody else); nothing was written."""


class NotADemoCompany(PermanentError):
    """What is tried out is never tried out on a clinic's own organisation."""


class SecretUnreadable(PermanentError):
    """A stored or received secret cannot be opened with the keys at hand."""


class XeroUnavailable(TransientError):
    """Xero did not answer, or answered with an outage; `status` is the HTTP status or None."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AnswerLost(XeroUnavailable):
    """The request may have had its effect, but the answer never arrived."""


class Limit(StrEnum):
    """Which of Xero's limits was hit (https://developer.xero.com/documentation/guides/oauth2/limits)."""

    MINUTE = "minute"
    DAY = "day"
    CONCURRENT = "concurrent"
    APP_MINUTE = "app_minute"


class RateLimited(TransientError):
    """Xero answered 429; `retry_after` is its own advice, where it gave one that can be read."""

    def __init__(self, limit: Limit, retry_after: timedelta | None) -> None:
        super().__init__(f"{limit} limit reached")
        self.limit = limit
        self.retry_after = retry_after


class GrantRejected(PermanentError):
    """Xero will not accept this code or refresh token (`invalid_grant`)."""


class ClientRejected(TransientError):
    """Xero refuses our own client id or secret: an operator's fault, never the clinic's."""


class AccessExpired(TransientError):
    """The access token is no longer accepted; a fresh one may be."""


class ScopeMissing(PermanentError):
    """The consent does not cover this resource; a fresh token does not help."""


class RefusalDoubted(TransientError):
    """Xero refused a clinic that is connecting (HTTP 403): it is asked again before that is believed."""


class AccessForbidden(PermanentError):
    """Xero refuses this organisation to this user (HTTP 403): disconnected, or a role was lost."""


class RecordNotFound(PermanentError):
    """Xero has no such record (HTTP 404)."""


class RequestRefused(PermanentError):
    """Xero calls our request wrong (HTTP 400 and the like): a bug, or an API that moved."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class WrongTenant(PermanentError):
    """An answer belongs to another organisation than the one asked for; nothing was written."""


class OriginUnknown(TransientError):
    """Xero gave data and would not say whose; what could be another organisation's was not written."""


class AnswerUnreadable(ServiceError):
    """
    A whole answer cannot be read: not JSON, too large, cut short, or redirected.

    It may be a page of something that stands before Xero, gone in minutes, or Xero's API may have moved: it
    is tried again for a while.
    """
