"""Operators' wishes to have failures worked again, in memory."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from domain.messages import WorkReplay
from domain.model.failures import FailureState
from domain.model.ids import ClinicId, FailureId, ReplayId, ReplayItemId
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.model.replays import (
    LOOK_AGAIN,
    SLOW,
    ItemState,
    Progress,
    Replay,
    ReplayItem,
    ReplayState,
    canary_of,
)
from domain.ports import Clock
from fakes.failures import InMemoryFailureStore

OPEN = (ItemState.QUEUED, ItemState.RELEASED, ItemState.STARTED)
CLAIM = timedelta(minutes=1)


class InMemoryReplayStore:
    """See `domain.ports.ReplayStore`; `audit` holds its lines."""

    def __init__(self, failures: InMemoryFailureStore, clock: Clock) -> None:
        self.rows: dict[ReplayId, Replay] = {}
        self.kept_items: dict[ReplayItemId, ReplayItem] = {}
        self.due_at: dict[ReplayItemId, datetime] = {}
        self.audit: list[dict[str, Any]] = []
        self._failures = failures
        self._clock = clock
        self._ids = count(1)
        failures.replayed_by = self._replayed_by

    def add(self, replay: Replay, failures: Sequence[KeptFailure]) -> Replay:
        kept = replace(replay, id=ReplayId(next(self._ids)))
        self.rows[kept.id] = kept
        for one in canary_of(failures, len(failures)):
            item_id = ReplayItemId(next(self._ids))
            self.kept_items[item_id] = ReplayItem(
                id=item_id,
                replay_id=kept.id,
                failure_id=one.id,
                clinic_id=ClinicId(one.failure.clinic_id or ""),
                attempts=one.attempts,
            )
        return kept

    def get(self, replay_id: ReplayId) -> Replay | None:
        return self.rows.get(replay_id)

    def get_for_update(self, replay_id: ReplayId) -> Replay | None:
        return self.rows.get(replay_id)

    def under_way(self) -> Sequence[Replay]:
        started = {one.replay_id for one in self.kept_items.values() if one.state is ItemState.STARTED}
        rows = self.rows.values()
        return [one for one in rows if one.state is ReplayState.RUNNING or one.id in started]

    def save(self, replay: Replay) -> None:
        self.rows[replay.id] = replay
        if replay.state.is_over:
            for one in self._of(replay.id, ItemState.QUEUED, ItemState.RELEASED):
                note = "its replay ended before it was begun"
                self.save_item(one.settled(ItemState.SKIPPED, self._clock(), note))

    def note(
        self, replay_id: ReplayId, action: str, operator: str, reason: str, detail: Mapping[str, object]
    ) -> None:
        self.audit.append(
            {"replay_id": replay_id, "action": action, "operator": operator, "reason": reason, **detail}
        )

    def is_proven(self, query: FailureQuery, within: timedelta) -> bool:
        return any(
            one.is_canary
            and one.state is ReplayState.FINISHED
            and one.ended_at is not None
            and one.ended_at > self._clock() - within
            and one.query.scope == query.scope
            and bool(self._of(one.id, ItemState.SUCCEEDED))
            for one in self.rows.values()
        )

    def settle(self, replay_id: ReplayId) -> None:
        for item in self._of(replay_id, ItemState.STARTED):
            kept = self._failures.rows.get(item.failure_id)
            if kept is None:
                continue
            state = kept.failure.state
            if not state.is_open:
                done = ItemState.SUCCEEDED if state is FailureState.RESOLVED else ItemState.SKIPPED
                self.save_item(item.settled(done, self._clock(), self._failures.settled[kept.id][1]))
            elif kept.attempts > item.attempts and state.is_replayable:
                self.save_item(item.settled(ItemState.FAILED, self._clock(), kept.failure.error))

    def progress(self, replay_id: ReplayId) -> Progress:
        mine = self._of(replay_id, *ItemState)
        slow = [
            one
            for one in mine
            if one.state is ItemState.STARTED and (one.started_at or self._clock()) < self._clock() - SLOW
        ]
        return Progress(**Counter(one.state.value for one in mine), slow=len(slow))

    def release(self, replay_id: ReplayId, count: int) -> None:
        for one in self._of(replay_id, ItemState.QUEUED)[:count]:
            self.kept_items[one.id] = replace(one, state=ItemState.RELEASED)
            self.due_at[one.id] = self._clock()

    def items(self, replay_id: ReplayId, clinic_id: ClinicId) -> Sequence[ReplayItem]:
        mine = self._of(replay_id, ItemState.RELEASED, ItemState.STARTED)
        return [one for one in mine if one.clinic_id == clinic_id]

    def save_item(self, item: ReplayItem) -> None:
        self.kept_items[item.id] = item
        self.due_at.pop(item.id, None)
        if item.state is ItemState.STARTED:
            self.due_at[item.id] = self._clock() + LOOK_AGAIN

    def postpone(self, items: Sequence[ReplayItemId], until: datetime) -> None:
        self.due_at.update(dict.fromkeys(items, until))

    def due(self, limit: int) -> Iterator[WorkReplay]:
        """Claim what is due; see `fakes.work`."""
        due = [one for one, at in self.due_at.items() if at <= self._clock()][:limit]
        self.due_at.update(dict.fromkeys(due, self._clock() + CLAIM))
        found = [self.kept_items[one] for one in due]
        yield from dict.fromkeys(WorkReplay(one.clinic_id, one.replay_id) for one in found)

    def _of(self, replay_id: ReplayId, *states: ItemState) -> list[ReplayItem]:
        mine = (one for one in self.kept_items.values() if one.replay_id == replay_id)
        return [one for one in mine if one.state in states]

    def _replayed_by(self, failure_id: FailureId) -> ReplayId | None:
        rows = self.kept_items.values()
        return next(
            (one.replay_id for one in rows if one.failure_id == failure_id and one.state in OPEN), None
        )
