"""Events that were seen, in memory."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.errors import EventBusy
from domain.messages import AHEAD, EventHeader
from domain.model.ids import ClinicId
from domain.ports import Clock

CLAIM = timedelta(seconds=150)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event: whose it is, when it happened and was begun, who works on it until when, and how it ended."""

    clinic_id: ClinicId | None
    type: str
    time: datetime | None
    begun_at: datetime
    claimed_until: datetime | None
    outcome: str | None = None
    starts: int = 0
    completed_at: datetime | None = None


class InMemoryInbox:
    """See `domain.ports.Inbox`; `clinic_id` is the one of the transaction under way."""

    def __init__(self, clock: Clock) -> None:
        self.rows: dict[tuple[str, str], SeenEvent] = {}
        self.clinic_id: ClinicId | None = None
        self._clock = clock

    def begin(self, header: EventHeader, event_type: str) -> bool:
        now = self._clock()
        seen = self._seen(header, event_type)
        if seen.outcome is not None:
            return False
        if seen.claimed_until is not None and seen.claimed_until >= now:
            raise EventBusy("the event is being worked on")
        self.rows[_key(header)] = replace(seen, claimed_until=now + CLAIM)
        return True

    def is_overtaken(self, header: EventHeader, by: str) -> bool:
        mine = self.rows.get(_key(header))
        if mine is None:
            return False
        same = (one for one in self.rows.values() if (one.clinic_id, one.type) == (mine.clinic_id, by))
        return any(_beats(other, mine) for other in same)

    def has_later(self, header: EventHeader, event_type: str, outcome: str, by: timedelta) -> bool:
        mine = self.rows.get(_key(header))
        if mine is None:
            return False
        wanted = (mine.clinic_id, event_type, outcome)
        ended = (one for one in self.rows.values() if (one.clinic_id, one.type, one.outcome) == wanted)
        return any(one.time and mine.time and one.time >= mine.time + by for one in ended)

    def complete(self, header: EventHeader, outcome: str) -> None:
        self.rows[_key(header)] = replace(
            self.rows[_key(header)], claimed_until=None, outcome=outcome, completed_at=self._clock()
        )

    def release(self, header: EventHeader) -> None:
        self.rows[_key(header)] = replace(self.rows[_key(header)], claimed_until=None)

    def note_start(self, header: EventHeader, event_type: str) -> int:
        seen = self._seen(header, event_type)
        self.rows[_key(header)] = replace(seen, starts=seen.starts + 1)
        return seen.starts + 1

    def note_end(self, header: EventHeader) -> None:
        seen = self.rows[_key(header)]
        self.rows[_key(header)] = replace(seen, starts=max(seen.starts - 1, 0))

    def _seen(self, header: EventHeader, event_type: str) -> SeenEvent:
        now = self._clock()
        time = header.time if header.time and header.time <= now + AHEAD else None
        return self.rows.get(_key(header)) or SeenEvent(self.clinic_id, event_type, time, now, None)


def _beats(other: SeenEvent, mine: SeenEvent) -> bool:
    if other.completed_at is None:
        return False
    if other.time is not None and mine.time is not None:
        return other.time > mine.time
    return other.completed_at > mine.begun_at


def _key(header: EventHeader) -> tuple[str, str]:
    return header.source, header.id
