"""Rows whose time has come, in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from domain.messages import ErasePayroll, FinishDisconnect, Job, KeepAlive, RunSlice
from domain.model.streams import Stream
from domain.model.sync import SCHEDULE, Mode
from domain.model.tokens import Credential, CredentialState
from domain.ports import Clock
from fakes.connections import InMemoryConnectionStore
from fakes.credentials import InMemoryCredentialRepository
from fakes.replays import InMemoryReplayStore
from fakes.syncs import CHANGES_EVERY, RECONCILE_EVERY, InMemorySyncStore

CLAIM = timedelta(minutes=1)
KEEP_ALIVE = timedelta(days=1)
UNRESOLVED = timedelta(seconds=95)
NEVER = datetime.max.replace(tzinfo=UTC)


class InMemoryWorkStore:
    """See `domain.ports.WorkStore`; `limit` counts for each kind of work by itself."""

    def __init__(
        self,
        connections: InMemoryConnectionStore,
        credentials: InMemoryCredentialRepository,
        syncs: InMemorySyncStore,
        replays: InMemoryReplayStore,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._credentials = credentials
        self._syncs = syncs
        self._replays = replays
        self._clock = clock

    def due(self, limit: int) -> Sequence[Job]:
        kinds = (
            self._revocations(),
            self._lapsed(),
            self._refreshes(),
            self._slices(),
            self._erasures(),
        )
        return [*(job for kind in kinds for job in islice(kind, limit)), *self._replays.due(limit)]

    def queue_periodic(self, limit: int) -> int:
        now = self._clock()
        due = [
            connection
            for connection_id, state in self._syncs.states.items()
            if (connection := self._connections.get(connection_id)) is not None
            and connection.is_active
            and not self._syncs.pauses.is_paused(connection.clinic_id)
            and (state.next_look or NEVER) <= now
        ][:limit]
        for connection in due:
            state = self._syncs.states[connection.id]
            is_reconcile = state.reconcile_at is not None and state.reconcile_at <= now
            self._syncs.request(
                connection,
                mode=Mode.RECONCILE if is_reconcile else Mode.CHANGES,
                streams=frozenset(Stream),
                requested_by=SCHEDULE,
                traceparent=None,
            )
            self._syncs.states[connection.id] = replace(
                state,
                due_at=state.due_at or now,
                changes_at=now + CHANGES_EVERY,
                reconcile_at=now + RECONCILE_EVERY if is_reconcile else state.reconcile_at,
            )
        return len(due)

    def _revocations(self) -> Iterator[Job]:
        for one in self._claimable(CredentialState.REVOCATION_PENDING):
            self._claim(one)
            yield FinishDisconnect(one.clinic_id, one.connection_id)

    def _lapsed(self) -> Iterator[Job]:
        for one in self._claimable(CredentialState.PENDING):
            if one.has_lapsed(self._clock()):
                self._claim(one)
                yield FinishDisconnect(one.clinic_id, one.connection_id)

    def _refreshes(self) -> Iterator[Job]:
        now = self._clock()
        for one in self._claimable(CredentialState.LIVE):
            is_idle = one.obtained_at < now - KEEP_ALIVE
            is_in_doubt = one.intent_at is not None and one.intent_at < now - UNRESOLVED
            connection = self._connections.get(one.connection_id)
            rests = self._is_later(one.cooldown_until)
            if (is_idle or is_in_doubt) and not rests and connection is not None and connection.is_open:
                self._claim(one)
                yield KeepAlive(one.clinic_id, one.connection_id)

    def _slices(self) -> Iterator[Job]:
        due = [
            (state.due_at, connection_id)
            for connection_id, state in self._syncs.states.items()
            if state.due_at is not None
            and state.due_at <= self._clock()
            and not any(map(self._is_later, (state.claimed_until, state.lease_until)))
            and not self._syncs.pauses.is_paused(self._connections.rows[connection_id].clinic_id)
        ]
        for _, connection_id in sorted(due):
            state = self._syncs.states[connection_id]
            self._syncs.states[connection_id] = replace(state, claimed_until=self._clock() + CLAIM)
            clinic_id = self._connections.rows[connection_id].clinic_id
            yield RunSlice(clinic_id, connection_id, self._syncs.trace(connection_id))

    def _erasures(self) -> Iterator[Job]:
        for one in self._connections.rows.values():
            is_claimed = self._is_later(self._connections.claimed_until.get(one.id))
            if one.is_erasure_due(self._clock()) and not is_claimed:
                self._connections.claimed_until[one.id] = self._clock() + CLAIM
                yield ErasePayroll(one.clinic_id, one.id)

    def _claimable(self, state: CredentialState) -> list[Credential]:
        rows = [one for one in self._credentials.rows.values() if one.state is state]
        return [one for one in rows if not self._is_later(self._credentials.claimed_until.get(one.id))]

    def _claim(self, credential: Credential) -> None:
        self._credentials.claimed_until[credential.id] = self._clock() + CLAIM

    def _is_later(self, at: datetime | None) -> bool:
        return at is not None and at >= self._clock()
