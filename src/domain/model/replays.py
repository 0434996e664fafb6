"""
An operator's wish to have failures worked again, as rows that a dispatcher works off.

So it goes on when the operator's terminal is closed, at its own pace, and stops itself when it does no good.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.model.ids import ClinicId, FailureId, ReplayId, ReplayItemId
from domain.model.kept_failure import FailureQuery, KeptFailure

CANARY = 5
"""So many may be replayed without a canary of their own."""

CANARY_HOLDS = timedelta(days=1)
"""How long a canary that went well speaks for the rest."""

STOP_AT = 0.2
"""The share of failures at which a replay stops itself."""

FIRST_WAVE = 10
"""How many are under way before any has been settled; afterwards as many as have been."""

WIDEST_WAVE = 200

SLOW = timedelta(minutes=10)
"""What is under way for longer waits for a limit, and holds up nobody else."""

LOOK_AGAIN = timedelta(minutes=1)
"""How often it is seen whether what is under way has been settled."""

UNSETTLED = timedelta(days=2)
"""After this a failure that is under way counts as one that failed again."""


class ReplayState(StrEnum):
    """How far a replay is."""

    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FINISHED = "finished"

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it will be worked."""
        return self in (ReplayState.STOPPED, ReplayState.CANCELLED, ReplayState.FINISHED)


class ItemState(StrEnum):
    """How far one failure of a replay is."""

    QUEUED = "queued"
    RELEASED = "released"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many failures of a replay are in each state; `slow` of those started wait for a limit."""

    queued: int = 0
    released: int = 0
    started: int = 0
    slow: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def under_way(self) -> int:
        """Those that are being worked."""
        return self.released + self.started

    @property
    def settled(self) -> int:
        """Those that went well or failed again."""
        return self.succeeded + self.failed

    @property
    def does_no_good(self) -> bool:
        """Whether too many have failed again; a few first ones must be in, unless there are no more."""
        enough = self.settled >= CANARY or not (self.queued or self.under_way)
        return enough and self.failed > 0 and self.failed >= STOP_AT * self.settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One wish: which failures, who wants it and why, and how fast; `rate` is failures a minute."""

    id: ReplayId
    state: ReplayState
    query: FailureQuery
    operator: str
    reason: str
    is_canary: bool = False
    rate: int | None = None
    created_at: datetime
    released_at: datetime | None = None
    ended_at: datetime | None = None

    def next(self, progress: Progress, now: datetime) -> Self:
        """Where it is after `progress`: it ends when nothing is left, or when it does no good."""
        if progress.does_no_good:
            return replace(self, state=ReplayState.STOPPED, ended_at=now)
        if not (progress.queued or progress.under_way):
            return replace(self, state=ReplayState.FINISHED, ended_at=now)
        return self

    def wave(self, progress: Progress, now: datetime) -> int:
        """How many more may be worked now: never more under way than went before, and within the rate."""
        widest = min(WIDEST_WAVE, max(FIRST_WAVE, progress.settled))
        wave = max(0, min(progress.queued, widest - progress.under_way + progress.slow))
        if self.rate is None:
            return wave
        passed = now - self.released_at if self.released_at is not None else timedelta(minutes=1) / self.rate
        return min(wave, int(passed / timedelta(minutes=1) * self.rate))

    def released(self, now: datetime) -> Self:
        """Some more have been let go."""
        return replace(self, released_at=now)

    def steered(self, state: ReplayState, now: datetime) -> Self:
        """After an operator has paused it, let it go on, or ended it."""
        ended_at = now if state.is_over else None
        return replace(self, state=state, released_at=now, ended_at=ended_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayItem:
    """One failure of a replay; `attempts` is how often it had failed when its replay began."""

    id: ReplayItemId
    replay_id: ReplayId
    failure_id: FailureId
    clinic_id: ClinicId
    state: ItemState = ItemState.QUEUED
    attempts: int
    started_at: datetime | None = None
    settled_at: datetime | None = None
    note: str | None = None

    def started(self, now: datetime) -> Self:
        """It is being worked."""
        return replace(self, state=ItemState.STARTED, started_at=self.started_at or now)

    def settled(self, state: ItemState, now: datetime, note: str | None = None) -> Self:
        """It is known what came of it."""
        return replace(self, state=state, settled_at=now, note=note)


def canary_of(failures: Sequence[KeptFailure], size: int) -> list[KeptFailure]:
    """A few of them, of as many clinics as there are, so that they speak for the rest."""
    seen: dict[ClinicId | None, int] = defaultdict(int)
    ranked = []
    for number, one in enumerate(failures):
        ranked.append((seen[one.failure.clinic_id], number, one))
        seen[one.failure.clinic_id] += 1
    return [one for _, _, one in sorted(ranked, key=lambda rank: rank[:2])][:size]
