"""
Whether Xero is away for everybody, as the calls of all connections tell.

While it is, one connection asks now and then, for all the others. What waits takes turns, in rounds that grow
with the outage, so that Xero is not met by everybody at once when it is back.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from domain.model.ids import ConnectionId, share

ENOUGH = 3
"""So many connections in a row that got no answer make an outage; one clinic's trouble does not."""

PAUSE = timedelta(seconds=30)
"""How often somebody asks."""

LONGEST_ROUND = timedelta(hours=1)
"""Rounds grow no further than this; it is how often connections are looked at anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How many different connections got no answer in a row, the last of them, and who may ask when."""

    failures: int = 0
    last: ConnectionId | None = None
    began_at: datetime | None = None
    ask_at: datetime | None = None

    @property
    def is_on(self) -> bool:
        """Whether Xero is taken to be away."""
        return self.failures >= ENOUGH

    def failed(self, connection_id: ConnectionId, now: datetime) -> Self:
        """A connection got no answer; that it gets none again says nothing new."""
        is_new = connection_id != self.last
        return replace(
            self,
            failures=self.failures + is_new,
            last=connection_id,
            began_at=self.began_at or now,
            ask_at=now + PAUSE,
        )

    def asked(self, now: datetime) -> Self:
        """Somebody is about to ask; the others wait for the answer."""
        return replace(self, ask_at=now + PAUSE)

    def wait_until(self, connection_id: ConnectionId, now: datetime, *, urgent: bool) -> datetime | None:
        """When a connection should be looked at again; None if it may ask now."""
        if not self.is_on or self.ask_at is None or self.began_at is None or now >= self.ask_at:
            return None
        if urgent:
            return self.ask_at
        return self.ask_at + self._to_the_turn(connection_id, self.ask_at - self.began_at)

    def _to_the_turn(self, connection_id: ConnectionId, elapsed: timedelta) -> timedelta:
        """
        Each has its place in a round; a round is once to twice as long as the outage has lasted.

        Rounds double: if they grew bit by bit, those with an early place would come far more often.
        """
        one_round = PAUSE
        while one_round < min(elapsed, LONGEST_ROUND):
            one_round *= 2
        return (one_round * share(connection_id) - elapsed) % one_round
