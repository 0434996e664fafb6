"""What went wrong, in memory."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from domain.model.failures import SYNC, Failure, FailureState
from domain.model.ids import ClinicId, ConnectionId, FailureId, ReplayId, SourceId
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.ports import Clock
from fakes.connections import InMemoryConnectionStore
from fakes.credentials import InMemoryCredentialRepository
from fakes.pauses import InMemoryPauseStore


@dataclass(frozen=True, slots=True)
class Counted:
    """A failure and how often it was met."""

    failure: Failure
    attempts: int = 1


class InMemoryFailureStore:
    """
    See `domain.ports.FailureStore`.

    `tries` are all attempts; `discarded` says by whom and why. `replayed_by` is told by the replays.
    """

    def __init__(
        self,
        connections: InMemoryConnectionStore,
        credentials: InMemoryCredentialRepository,
        pauses: InMemoryPauseStore,
        clock: Clock,
    ) -> None:
        self.rows: dict[FailureId, KeptFailure] = {}
        self.tries: list[tuple[FailureId, FailureState, str]] = []
        self.settled: dict[FailureId, tuple[str | None, str | None]] = {}
        self.replayed_by: Callable[[FailureId], ReplayId | None] = lambda _: None
        self._connections = connections
        self._credentials = credentials
        self._pauses = pauses
        self._clock = clock
        self._ids = count(1)

    @property
    def kept(self) -> list[Counted]:
        """What is kept, oldest first."""
        return [Counted(one.failure, one.attempts) for one in self.rows.values()]

    def record(self, failure: Failure) -> None:
        now = self._clock()
        before = next((one for one in self._open() if _key(one.failure) == _key(failure)), None)
        if before is None:
            kept = KeptFailure(
                id=FailureId(next(self._ids)), failure=failure, first_seen_at=now, last_seen_at=now
            )
        else:
            failure = replace(failure, event=failure.event or before.failure.event)
            kept = replace(before, failure=failure, attempts=before.attempts + 1, last_seen_at=now)
        self.rows[kept.id] = kept
        self.tries.append((kept.id, failure.state, failure.error))

    def resolve(self, connection_id: ConnectionId, subjects: Sequence[str]) -> None:
        for one in self._open():
            if one.failure.connection_id == connection_id and one.failure.subject in subjects:
                self.settle(one.id, FailureState.RESOLVED, None, None)

    def resolve_gone(self, connection_id: ConnectionId, gone: Collection[SourceId]) -> None:
        subjects = [one.failure.subject for one in self._open() if one.failure.place == SYNC]
        self.resolve(
            connection_id, [one for one in subjects if one.split(":")[1:2] in [[id_] for id_ in gone]]
        )

    def find(self, query: FailureQuery) -> Sequence[KeptFailure]:
        return [self._seen(one) for one in self._open() if _is_meant(one, query)]

    def get_for_update(self, failure_id: FailureId) -> KeptFailure | None:
        return self._seen(self.rows[failure_id]) if failure_id in self.rows else None

    def settle(self, failure_id: FailureId, state: FailureState, by: str | None, why: str | None) -> None:
        kept = self.rows[failure_id]
        self.rows[failure_id] = replace(kept, failure=replace(kept.failure, state=state, until=None))
        self.settled[failure_id] = (by, why)

    def expire(self, kept: timedelta, limit: int) -> int:
        old = [one.id for one in self.rows.values() if one.last_seen_at < self._clock() - kept][:limit]
        for one in old:
            del self.rows[one]
        return len(old)

    def _open(self) -> list[KeptFailure]:
        return [one for one in self.rows.values() if one.failure.state.is_open]

    def _seen(self, kept: KeptFailure) -> KeptFailure:
        connection_id = kept.failure.connection_id
        connection = self._connections.get(connection_id) if connection_id is not None else None
        return replace(
            kept,
            status=connection.status if connection is not None else None,
            region=connection.tenant.region if connection is not None and connection.tenant else None,
            consent_held=kept.failure.event is not None and self._is_held(kept.failure),
            paused_until=self._paused_until(kept.failure),
            replayed_by=self.replayed_by(kept.id),
        )

    def _is_held(self, failure: Failure) -> bool:
        connection = self._connections.open_for(failure.clinic_id) if failure.clinic_id else None
        is_same = connection is not None and connection.consent_event == failure.subject
        return connection is not None and is_same and self._credentials.pending(connection.id) is not None

    def _paused_until(self, failure: Failure) -> datetime | None:
        pauses = self._pauses.of(failure.clinic_id or ClinicId(""))
        meant = [
            one for one in pauses if one.scope.lane is None and one.scope.stream in (None, failure.stream)
        ]
        return max((one.until for one in meant), default=None)


def _is_meant(one: KeptFailure, query: FailureQuery) -> bool:
    failure = one.failure
    return (
        query.clinic_id in (None, failure.clinic_id)
        and query.stream in (None, failure.stream)
        and query.fingerprint in (None, failure.fingerprint)
        and (query.since is None or one.last_seen_at >= query.since)
        and (query.until is None or one.last_seen_at < query.until)
        and (query.ids is None or one.id in query.ids)
    )


def _key(failure: Failure) -> tuple[ConnectionId | None, str, str]:
    return failure.connection_id, failure.place, failure.subject
