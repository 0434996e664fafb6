"""Events to send, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import msgspec

from domain.messages import Envelope, OutboundEvent
from domain.model.ids import EventId
from domain.ports import Clock


@dataclass(frozen=True, slots=True)
class Unsent:
    """An event on its way, and when to try it next."""

    envelope: Envelope
    next_attempt_at: datetime
    attempts: int = 0


class InMemoryOutbox:
    """See `domain.ports.Outbox`; `events` are all that were ever added, `unsent` those still to send."""

    def __init__(self, clock: Clock) -> None:
        self.events: list[OutboundEvent] = []
        self.unsent: dict[EventId, Unsent] = {}
        self.sent_at: dict[EventId, datetime] = {}
        self._clock = clock
        self._ids = count(1)

    def add(self, event: OutboundEvent, traceparent: str | None = None) -> None:
        number = next(self._ids)
        envelope = Envelope(
            id=EventId(f"event-{number}"),
            type=event.type,
            clinic_id=event.clinic_id,
            sequence=number,
            at=self._clock(),
            data=msgspec.json.decode(msgspec.json.encode(event)),
            traceparent=traceparent,
        )
        self.events.append(event)
        self.unsent[envelope.id] = Unsent(envelope, self._clock())

    def claim(self, limit: int) -> Sequence[Envelope]:
        due = [one.envelope for one in self.unsent.values() if one.next_attempt_at <= self._clock()]
        return due[:limit]

    def sent(self, event_ids: Sequence[EventId]) -> None:
        for one in event_ids:
            if self.unsent.pop(one, None) is not None:
                self.sent_at[one] = self._clock()

    def postpone(self, event_id: EventId) -> None:
        unsent = self.unsent[event_id]
        pause = timedelta(seconds=min(60, 2 ** min(unsent.attempts, 6)))
        self.unsent[event_id] = replace(
            unsent, next_attempt_at=self._clock() + pause, attempts=unsent.attempts + 1
        )

    def forget(self, kept: timedelta, limit: int) -> int:
        oldest = sorted(self.sent_at, key=lambda one: int(one.removeprefix("event-")))[:limit]
        old = [one for one in oldest if self.sent_at[one] < self._clock() - kept]
        for one in old:
            del self.sent_at[one]
        return len(old)
