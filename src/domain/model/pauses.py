"""What an operator lets rest for a while: a clinic, a stream, the backfill, or everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.model.budget import Lane
from domain.model.ids import ClinicId, PauseId
from domain.model.streams import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What rests; None stands for all of them, so that a scope of nothing is everything."""

    clinic_id: ClinicId | None = None
    stream: Stream | None = None
    lane: Lane | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing at all is read of its clinics."""
        return self.stream is None and self.lane is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A rest until `until`, when it ends by itself; who wants it, and why."""

    id: PauseId
    scope: Scope
    until: datetime
    operator: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rest:
    """What of one connection rests, while the others go on; `until` is when the first of it ends."""

    streams: frozenset[Stream] = frozenset()
    backfill: bool = False
    until: datetime | None = None

    @classmethod
    def of(cls, pauses: Sequence[Pause]) -> "Rest":
        """What these pauses, all of this connection, leave out."""
        return cls(
            streams=frozenset(one.scope.stream for one in pauses if one.scope.stream is not None),
            backfill=any(one.scope.lane is Lane.BACKFILL for one in pauses),
            until=min((one.until for one in pauses), default=None),
        )
