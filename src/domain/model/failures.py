"""What went wrong, as a row that can be grouped, explained and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import Limit, RateLimited, RequestRefused, ServiceError, XeroUnavailable
from domain.model.ids import ClinicId, ConnectionId, SourceId
from domain.model.streams import Plan, Resource
from domain.model.sync import DetailRequest, ListRequest, Request

KEPT = timedelta(days=180)
"""How long a failure is kept after its last attempt."""

NOTICE = timedelta(days=14)
"""How long before its end an open one is warned of."""

SYNC = "sync"
"""The place of what concerns one list or one record; its subject names it."""

SLICE = "slice"
"""The place of what ends a slice; its subject names the connection."""

JOB = "sync.slice"
"""The place of a slice's message that the broker has set aside; its subject names the connection."""

DETAILS = frozenset(
    {
        Resource.EMPLOYEE,
        Resource.PAY_RUN,
        Resource.PAYSLIP,
        Resource.TIMESHEET,
        Resource.LEAVE_APPLICATION,
    }
)


class FailureState(StrEnum):
    """What happens to a failure next."""

    RETRYING = "retrying"
    PARKED_MINUTE = "parked:minute"
    PARKED_DAY = "parked:day"
    PARKED_OUTAGE = "parked:outage"
    PARKED_RECONNECT = "parked:reconnect"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    RESOLVED = "resolved"
    DISCARDED = "discarded"

    @classmethod
    def of_limit(cls, limit: Limit) -> Self:
        """Where a failure waits that one of Xero's limits has made."""
        return cls.PARKED_DAY if limit is Limit.DAY else cls.PARKED_MINUTE

    @property
    def is_open(self) -> bool:
        """Whether it is not settled."""
        return self not in (FailureState.RESOLVED, FailureState.DISCARDED)

    @property
    def is_replayable(self) -> bool:
        """Whether an operator may have it worked again."""
        return self in (FailureState.FAILED, FailureState.QUARANTINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    One thing that went wrong: `subject` is what it concerns, `place` where it happened.

    `context` holds codes only: never a payload, never a driver's text. `until` is when it goes on by itself.
    `event` is the inbound event that failed, without its grant: secrets are not kept, here or anywhere.
    """

    state: FailureState
    error: str
    place: str
    subject: str
    stream: str | None = None
    clinic_id: ClinicId | None = None
    connection_id: ConnectionId | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    event: Mapping[str, object] | None = None

    @property
    def fingerprint(self) -> str:
        """The cause by which failures are grouped."""
        return ":".join(filter(None, (self.error, self.place, self.stream)))

    @property
    def request(self) -> Request | None:
        """What has to be asked of Xero again; None where it is more, or nothing, that failed."""
        if self.place != SYNC:
            return None
        name, _, rest = self.subject.partition(":")
        resource = Resource(name)
        if resource in DETAILS:
            return DetailRequest(resource, SourceId(rest.partition(":")[0]))
        return ListRequest(resource)

    def calls(self, plan: Plan | None) -> int:
        """About how many calls to Xero it takes to work it again."""
        if self.event is not None:
            return CALLS_OF_EVENT.get(str(self.event["type"]).split(".")[2], 0)
        request = self.request
        return plan.calls_for(request.resource) if plan is not None and request is not None else 0


def slice_subjects(connection_id: ConnectionId) -> tuple[str, str]:
    """
    The subjects of what ends a connection's slices: anything else, and Xero's refusals (HTTP 403).

    Those are counted by themselves, as they are believed when there were some of them and nothing was read.
    """
    return f"connection:{connection_id}", f"connection:{connection_id}:refused"


CALLS_OF_EVENT = {"connect-completed": 5, "sync-requested": 10, "disconnect": 3}
"""Calls that working an event makes or asks for, at most: see the budgets of calls in the design."""


def context_of(error: ServiceError) -> dict[str, str]:
    """The codes of an error that are safe to keep."""
    match error:
        case RateLimited():
            return {"limit": error.limit.value}
        case RequestRefused() | XeroUnavailable() if error.status is not None:
            return {"status": str(error.status)}
        case _:
            return {}
