"""Passes, scans and leases, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from domain.errors import Fenced, StorageConflict
from domain.model.connection import Connection
from domain.model.ids import ClinicId, ConnectionId, SyncId
from domain.model.streams import Resource, Stream
from domain.model.sync import SCHEDULE, Changes, Lease, Mode, Scan, Sync, Tally
from domain.ports import Clock
from fakes.connections import InMemoryConnectionStore
from fakes.pauses import InMemoryPauseStore

LEASE = timedelta(seconds=45)
CHANGES_EVERY = timedelta(hours=1)
RECONCILE_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """When a connection is due, and who works on it."""

    due_at: datetime | None = None
    claimed_until: datetime | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    backfilled_at: datetime | None = None
    changes_at: datetime | None = None
    reconcile_at: datetime | None = None

    @property
    def next_look(self) -> datetime | None:
        return min(filter(None, (self.changes_at, self.reconcile_at)), default=None)


class InMemorySyncStore:
    """See `domain.ports.SyncStore`; `used` counts calls and bytes by connection."""

    def __init__(
        self, connections: InMemoryConnectionStore, pauses: InMemoryPauseStore, clock: Clock
    ) -> None:
        self.states: dict[ConnectionId, SyncState] = {}
        self.queued: dict[ConnectionId, Sync] = {}
        self.running: dict[ConnectionId, Sync] = {}
        self.over: dict[SyncId, datetime] = {}
        self.kept_scans: dict[tuple[ConnectionId, Resource], Scan] = {}
        self.used: dict[ConnectionId, tuple[int, int]] = {}
        self._connections = connections
        self.pauses = pauses
        pauses.wake = self._wake_from
        self._clock = clock
        self._ids = count(1)

    def request(
        self,
        connection: Connection,
        *,
        mode: Mode,
        streams: frozenset[Stream],
        requested_by: str | None,
        traceparent: str | None,
    ) -> bool:
        now = self._clock()
        state = self.states.get(connection.id, SyncState())
        self.states[connection.id] = replace(
            state,
            due_at=(state.due_at or now) if state.attempts else now,
            changes_at=state.changes_at or now + CHANGES_EVERY,
            reconcile_at=state.reconcile_at or now + RECONCILE_EVERY,
        )
        queued = self.queued.get(connection.id)
        if queued is not None:
            self.queued[connection.id] = replace(
                queued,
                mode=queued.mode.merged(mode),
                streams=queued.streams | streams,
                requested_at=now,
                requested_by=requested_by or queued.requested_by,
                traceparent=traceparent or queued.traceparent,
            )
            return True
        self.queued[connection.id] = Sync(
            id=SyncId(next(self._ids)),
            connection_id=connection.id,
            clinic_id=connection.clinic_id,
            mode=mode,
            streams=streams,
            requested_at=now,
            requested_by=requested_by,
            traceparent=traceparent,
        )
        return False

    def trace(self, connection_id: ConnectionId) -> str | None:
        """The trace of the pass that is worked on next."""
        found = self.running.get(connection_id) or self.queued.get(connection_id)
        return found.traceparent if found else None

    def lease(self, connection_id: ConnectionId) -> Lease | None:
        state = self.states.get(connection_id)
        connection = self._connections.get(connection_id)
        if state is None or connection is None or not connection.is_active:
            return None
        if self._is_later(state.lease_until) or self.pauses.is_paused(connection.clinic_id):
            return None
        backoff = min(timedelta(seconds=5) * 2 ** min(state.attempts, 10), timedelta(minutes=15))
        state = replace(
            state,
            lease_epoch=state.lease_epoch + 1,
            attempts=state.attempts + 1,
            claimed_until=None,
            lease_until=self._clock() + LEASE,
            due_at=self._clock() + max(LEASE, backoff),
        )
        self.states[connection_id] = state
        return Lease(
            connection_id=connection_id,
            clinic_id=connection.clinic_id,
            generation=connection.generation,
            epoch=state.lease_epoch,
            length=LEASE,
            attempt=state.attempts,
        )

    def wake(self, connection_id: ConnectionId) -> bool:
        state = self.states.get(connection_id)
        if state is None or self._is_later(state.lease_until):
            return False
        self.states[connection_id] = replace(state, due_at=self._clock())
        return True

    def doubt(self, connection_id: ConnectionId, resource: Resource) -> None:
        queued = self.queued.get(connection_id)
        if queued is not None:
            before = self.kept_scans.get((connection_id, resource), Scan(resource=resource))
            again = replace(
                before,
                sync_id=queued.id,
                begun_at=None,
                page=1,
                watermark=None,
                head=None,
                since=None,
                mark=None,
            )
            self.kept_scans[connection_id, resource] = again

    def keep(self, lease: Lease, *, survived: bool = False) -> None:
        connection = self._connections.get(lease.connection_id)
        state = self.states.get(lease.connection_id)
        is_same = connection is not None and connection.generation == lease.generation
        if connection is None or state is None or not (is_same and connection.is_active):
            raise Fenced("the connection has ended")
        if state.lease_epoch != lease.epoch:
            raise Fenced("somebody else works on it")
        state = replace(state, lease_until=self._clock() + LEASE)
        if survived:
            state = replace(state, attempts=1, due_at=state.lease_until)
        self.states[lease.connection_id] = state

    def release(
        self, lease: Lease, due_at: datetime | None, *, failed: bool = False, in_part: bool = False
    ) -> None:
        state = self.states[lease.connection_id]
        if in_part and due_at is not None:
            due_at = min(due_at, state.next_look or due_at)
        if state.lease_epoch == lease.epoch:
            attempts = lease.attempt if failed else 0
            self.states[lease.connection_id] = replace(
                state, lease_until=None, due_at=due_at, attempts=attempts
            )

    def is_requested(self, connection_id: ConnectionId) -> bool:
        passes = (self.queued.get(connection_id), self.running.get(connection_id))
        return any(one is not None and one.requested_by != SCHEDULE for one in passes)

    def under_way(self, connection_id: ConnectionId) -> Sync | None:
        return self.running.get(connection_id)

    def start_next(self, connection_id: ConnectionId) -> Sync | None:
        sync = self.queued.pop(connection_id, None)
        if sync is not None and connection_id in self.running:
            raise StorageConflict("somebody else was first")
        if sync is not None:
            self.running[connection_id] = sync = replace(sync, started_at=self._clock())
        return sync

    def scans(self, connection_id: ConnectionId) -> Mapping[Resource, Scan]:
        return {resource: scan for (one, resource), scan in self.kept_scans.items() if one == connection_id}

    def save_scan(self, connection_id: ConnectionId, scan: Scan) -> None:
        self.kept_scans[connection_id, scan.resource] = scan

    def tally(self, connection_id: ConnectionId, sync: Sync | None, tallies: Mapping[Stream, Tally]) -> None:
        calls, wire_bytes = self.used.get(connection_id, (0, 0))
        calls += sum(tally.calls for tally in tallies.values())
        wire_bytes += sum(tally.wire_bytes for tally in tallies.values())
        self.used[connection_id] = (calls, wire_bytes)
        if sync is not None:
            total = Changes(tallies=sync.tallies).plus(Changes(tallies=tallies)).tallies
            self.running[connection_id] = replace(self.running[connection_id], tallies=total)

    def finish(self, sync: Sync) -> None:
        if self.running.pop(sync.connection_id, None) is not None:
            self.over[sync.id] = self._clock()

    def backfilled(self, connection_id: ConnectionId) -> bool:
        state = self.states[connection_id]
        if state.backfilled_at is not None:
            return False
        self.states[connection_id] = replace(state, backfilled_at=self._clock())
        return True

    def reopen_backfill(self, connection_id: ConnectionId) -> None:
        state = self.states.get(connection_id)
        if state is not None:
            self.states[connection_id] = replace(state, backfilled_at=None)

    def forget(self, kept: timedelta, limit: int) -> int:
        oldest = sorted(self.over, key=lambda one: self.over[one])
        old = [one for one in oldest if self.over[one] < self._clock() - kept][:limit]
        for one in old:
            del self.over[one]
        return len(old)

    def stop(self, connection_id: ConnectionId) -> None:
        for passes in (self.queued, self.running):
            ended = passes.pop(connection_id, None)
            if ended is not None:
                self.over[ended.id] = self._clock()
        state = self.states.get(connection_id)
        if state is not None:
            self.states[connection_id] = replace(
                state,
                due_at=None,
                changes_at=None,
                reconcile_at=None,
                lease_until=None,
                lease_epoch=state.lease_epoch + 1,
            )

    def _wake_from(self, until: datetime, clinic_id: ClinicId | None) -> None:
        for one, state in self.states.items():
            connection = self._connections.get(one)
            waits = state.due_at is not None and state.due_at in (until, state.next_look)
            if waits and connection and clinic_id in (None, connection.clinic_id):
                self.states[one] = replace(state, due_at=self._clock())

    def _is_later(self, at: datetime | None) -> bool:
        return at is not None and at >= self._clock()
