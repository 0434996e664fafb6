"""What rests, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from domain.model.ids import ClinicId, PauseId
from domain.model.pauses import Pause
from domain.ports import Clock


class InMemoryPauseStore:
    """See `domain.ports.PauseStore`; `wake` is told what waited for the end of a pause."""

    def __init__(self, clock: Clock) -> None:
        self.rows: dict[PauseId, Pause] = {}
        self.ended: dict[PauseId, str] = {}
        self.wake: Callable[[datetime, ClinicId | None], None] = lambda _until, _clinic: None
        self._clock = clock
        self._ids = count(1)

    def add(self, pause: Pause) -> Pause:
        kept = replace(pause, id=PauseId(next(self._ids)))
        self.rows[kept.id] = kept
        return kept

    def in_force(self) -> Sequence[Pause]:
        rows = self.rows.values()
        return [one for one in rows if one.id not in self.ended and one.until > self._clock()]

    def of(self, clinic_id: ClinicId) -> Sequence[Pause]:
        return [one for one in self.in_force() if one.scope.clinic_id in (None, clinic_id)]

    def end(self, pause: Pause, operator: str) -> None:
        self.ended[pause.id] = operator
        self.wake(pause.until, pause.scope.clinic_id)

    def is_paused(self, clinic_id: ClinicId) -> bool:
        """Whether nothing at all is read of a clinic."""
        return any(one.scope.is_whole for one in self.of(clinic_id))
