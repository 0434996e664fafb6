"""What went wrong, as a row that can be grouped, explained and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.errors import RateLimited, RequestRefused, ServiceError, XeroUnavailable
from domain.model.ids import ClinicId, ConnectionId


class FailureState(StrEnum):
    """What happens to a failure next."""

    RETRYING = "retrying"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    RESOLVED = "resolved"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    One thing that went wrong: `subject` is what it concerns, `place` where it happened.

    `context` holds codes only: never a payload, never a driver's text.
    """

    state: FailureState
    error: str
    place: str
    subject: str
    stream: str | None = None
    clinic_id: ClinicId | None = None
    connection_id: ConnectionId | None = None
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The cause by which failures are grouped."""
        return ":".join(filter(None, (self.error, self.place, self.stream)))


def context_of(error: ServiceError) -> dict[str, str]:
    """The codes of an error that are safe to keep."""
    match error:
        case RateLimited():
            return {"limit": error.limit.value}
        case RequestRefused() | XeroUnavailable() if error.status is not None:
            return {"status": str(error.status)}
        case _:
            return {}
