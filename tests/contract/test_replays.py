from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from builders import CLINIC, make_failure
from contract.backends import Backend, PostgresBackend
from contract.given import connected, leased, saved
from domain.messages import WorkReplay
from domain.model.connection import Connection, Reason
from domain.model.failures import Failure, FailureState
from domain.model.ids import ClinicId, FailureId, ReplayId
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.model.replays import ItemState, Progress, Replay, ReplayState
from domain.model.streams import Resource

EVERYTHING = FailureQuery()


def failed(backend: Backend, connection: Connection, *names: str, **changes: object) -> list[KeptFailure]:
    for name in names:
        record(backend, connection, subject=f"employee:{name}", **changes)
    return found(backend)


def record(backend: Backend, connection: Connection, **changes: object) -> None:
    failure = make_failure(clinic_id=connection.clinic_id, connection_id=connection.id, **changes)
    with backend.transaction(connection.clinic_id) as stores:
        stores.failures.record(failure)


def found(backend: Backend, query: FailureQuery = EVERYTHING) -> list[KeptFailure]:
    with backend.transaction(None) as stores:
        return list(stores.failures.find(query))


def begin(backend: Backend, failures: list[KeptFailure], **changes: object) -> Replay:
    with backend.operating(None) as stores:
        values: dict[str, Any] = {
            "id": ReplayId(0),
            "state": ReplayState.RUNNING,
            "query": EVERYTHING,
            "operator": "olga",
            "reason": "T-1",
            "created_at": stores.now,
        }
        return stores.replays.add(Replay(**{**values, **changes}), failures)


def progress(backend: Backend, replay: Replay) -> Progress:
    with backend.transaction(None) as stores:
        stores.replays.settle(replay.id)
        return stores.replays.progress(replay.id)


def release(backend: Backend, replay: Replay, count: int) -> None:
    with backend.transaction(None) as stores:
        stores.replays.release(replay.id, count)


def start(backend: Backend, replay: Replay, clinic: str = CLINIC) -> None:
    with backend.transaction(ClinicId(clinic)) as stores:
        for item in stores.replays.items(replay.id, ClinicId(clinic)):
            stores.replays.save_item(item.started(stores.now))


def due(backend: Backend) -> list[WorkReplay]:
    with backend.transaction(None) as stores:
        return [job for job in stores.work.due(100) if isinstance(job, WorkReplay)]


def test_open_failures_are_found_by_what_they_are_and_whose(backend: Backend) -> None:
    one = connected(backend.transaction)
    other = connected(backend.transaction, "clinic-2", "tenant-2")
    failed(backend, one, "1", "2", stream="employees")
    failed(backend, other, "1", error="ScopeMissing")
    cause = make_failure(stream="employees").fingerprint
    assert len(found(backend)) == 3
    assert len(found(backend, FailureQuery(clinic_id=CLINIC))) == 2
    assert len(found(backend, FailureQuery(stream="employees"))) == 2
    assert len(found(backend, FailureQuery(fingerprint=cause))) == 2
    first, *_ = found(backend)
    assert [kept.id for kept in found(backend, FailureQuery(ids=[first.id]))] == [first.id]
    assert found(backend, FailureQuery(ids=[])) == []


def test_failures_are_found_by_when_they_were_last_met(backend: Backend) -> None:
    connection = connected(backend.transaction)
    failed(backend, connection, "old")
    backend.pass_time(timedelta(hours=2))
    failed(backend, connection, "new")
    with backend.transaction(None) as stores:
        an_hour_ago = stores.now - timedelta(hours=1)
    [new] = found(backend, FailureQuery(since=an_hour_ago))
    [old] = found(backend, FailureQuery(until=an_hour_ago))
    assert (old.failure.subject, new.failure.subject) == ("employee:old", "employee:new")


def test_a_failure_knows_what_decides_whether_it_can_be_replayed(backend: Backend) -> None:
    connection = connected(backend.transaction)
    [kept] = failed(backend, connection, "1")
    assert (kept.status, kept.region, kept.refusal) == ("active", "AU", None)
    leased(backend.transaction, connection)
    backend.pause(connection.id, timedelta(hours=1))
    [kept] = found(backend)
    assert kept.paused_until is not None
    replay = begin(backend, [kept])
    assert [kept.replayed_by for kept in found(backend)] == [replay.id]


def test_failures_of_a_clinic_that_has_to_connect_again_wait_for_that(backend: Backend) -> None:
    connection = connected(backend.transaction)
    failed(backend, connection, "1")
    saved(backend.transaction, connection.needing_attention(Reason.PAYROLL_UNAVAILABLE))
    assert [kept.state for kept in found(backend)] == [FailureState.PARKED_RECONNECT]
    saved(backend.transaction, connection.resumed())
    assert [kept.state for kept in found(backend)] == [FailureState.FAILED]


def test_what_waits_is_kept_with_its_time_and_an_event_without_being_lost(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        until = stores.now + timedelta(hours=3)
    event = {"id": "event-1", "type": "allie.xero.sync-requested.v1"}
    record(backend, connection, state=FailureState.PARKED_DAY, until=until, event=event)
    record(backend, connection, state=FailureState.PARKED_DAY, until=until)
    [kept] = found(backend)
    assert (kept.failure.until, kept.failure.event, kept.attempts) == (until, event, 2)


def test_discarding_keeps_the_row(backend: Backend) -> None:
    [kept] = failed(backend, connected(backend.transaction), "1")
    with backend.transaction(None) as stores:
        stores.failures.settle(kept.id, FailureState.DISCARDED, "olga", "not wanted")
    assert found(backend) == []
    assert [one.failure.state for one in backend.failures()] == [FailureState.DISCARDED]
    with backend.transaction(None) as stores:
        again = stores.failures.get_for_update(kept.id)
    assert again is not None
    assert again.refusal == "it was discarded; nothing to do"


def test_failures_expire_by_their_last_attempt(backend: Backend) -> None:
    connection = connected(backend.transaction)
    failed(backend, connection, "kept", "lost")
    backend.pass_time(timedelta(days=100))
    failed(backend, connection, "kept")
    backend.pass_time(timedelta(days=81))
    with backend.transaction(None) as stores:
        assert stores.failures.expire(timedelta(days=180), 10) == 1
        assert stores.failures.expire(timedelta(days=180), 10) == 0
    assert [kept.failure.subject for kept in found(backend)] == ["employee:kept"]


def test_what_is_released_is_due_once_and_looked_at_again(backend: Backend) -> None:
    failures = failed(backend, connected(backend.transaction), "1", "2", "3")
    replay = begin(backend, failures)
    assert due(backend) == []
    release(backend, replay, 2)
    assert due(backend) == [WorkReplay(CLINIC, replay.id)]
    assert due(backend) == []
    start(backend, replay)
    backend.pass_time(timedelta(seconds=61))
    assert due(backend) == [WorkReplay(CLINIC, replay.id)]
    assert progress(backend, replay) == Progress(queued=1, started=2)


def test_clinics_take_turns(backend: Backend) -> None:
    one = connected(backend.transaction)
    other = connected(backend.transaction, "clinic-2", "tenant-2")
    failed(backend, one, "1", "2", "3")
    replay = begin(backend, failed(backend, other, "4", "5"))
    release(backend, replay, 2)
    assert {job.clinic_id for job in due(backend)} == {"clinic-1", "clinic-2"}


def test_what_came_of_it_is_seen_by_the_failures_themselves(backend: Backend) -> None:
    connection = connected(backend.transaction)
    replay = begin(backend, failed(backend, connection, "well", "ill", "slow", "waits"))
    release(backend, replay, 4)
    start(backend, replay)
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve(connection.id, ["employee:well"])
    record(backend, connection, subject="employee:ill")
    record(backend, connection, subject="employee:waits", state=FailureState.RETRYING)
    assert progress(backend, replay) == Progress(started=2, succeeded=1, failed=1)
    backend.pass_time(timedelta(minutes=11))
    assert progress(backend, replay) == Progress(started=2, slow=2, succeeded=1, failed=1)


def test_a_replay_that_is_over_leaves_what_it_has_not_begun(backend: Backend) -> None:
    failures = failed(backend, connected(backend.transaction), "1", "2")
    replay = begin(backend, failures)
    release(backend, replay, 1)
    start(backend, replay)
    with backend.transaction(None) as stores:
        stores.replays.save(replay.steered(ReplayState.CANCELLED, stores.now))
    assert progress(backend, replay) == Progress(started=1, skipped=1)
    assert [kept.replayed_by for kept in found(backend)] == [replay.id, None]
    with backend.transaction(None) as stores:
        kept = stores.replays.get_for_update(replay.id)
        assert kept is not None
        assert kept.state is ReplayState.CANCELLED
        assert [one.id for one in stores.replays.under_way()] == [replay.id]


def test_an_item_that_cannot_be_begun_is_due_later(backend: Backend) -> None:
    replay = begin(backend, failed(backend, connected(backend.transaction), "1"))
    release(backend, replay, 1)
    due(backend)
    with backend.transaction(CLINIC) as stores:
        [item] = stores.replays.items(replay.id, CLINIC)
        assert item.state is ItemState.RELEASED
        stores.replays.postpone([item.id], stores.now + timedelta(seconds=2))
    assert due(backend) == []
    backend.pass_time(timedelta(seconds=3))
    assert due(backend) == [WorkReplay(CLINIC, replay.id)]


@pytest.mark.parametrize(
    ("query", "is_proven"),
    [
        (FailureQuery(fingerprint="a:sync"), True),
        (FailureQuery(fingerprint="a:sync", since=None, ids=[]), True),
        (FailureQuery(fingerprint="b:sync"), False),
        (FailureQuery(fingerprint="a:sync", clinic_id=CLINIC), False),
        (FailureQuery(), False),
    ],
)
def test_a_canary_speaks_for_its_own_scope(backend: Backend, query: FailureQuery, is_proven: bool) -> None:
    connection = connected(backend.transaction)
    failures = failed(backend, connection, "1")
    replay = begin(backend, failures, query=FailureQuery(fingerprint="a:sync"), is_canary=True)
    release(backend, replay, 1)
    start(backend, replay)
    with backend.transaction(CLINIC) as stores:
        stores.failures.resolve(connection.id, ["employee:1"])
    after = replay.next(progress(backend, replay), replay.created_at + timedelta(seconds=1))
    assert after.state is ReplayState.FINISHED
    with backend.transaction(None) as stores:
        assert not stores.replays.is_proven(replay.query, timedelta(days=1))
        stores.replays.save(after)
        assert stores.replays.is_proven(query, timedelta(days=1)) is is_proven
    backend.pass_time(timedelta(days=2))
    with backend.transaction(None) as stores:
        assert not stores.replays.is_proven(query, timedelta(days=1))


def test_a_connection_is_woken_between_slices_only(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        assert not stores.syncs.wake(connection.id)
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        assert not stores.syncs.wake(connection.id)
        stores.syncs.release(lease, None)
        assert stores.syncs.wake(connection.id)
    assert backend.due_at(connection.id) is not None


def test_a_list_that_is_doubted_is_read_whole_by_the_next_pass(backend: Backend) -> None:
    connection = connected(backend.transaction)
    leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.doubt(connection.id, Resource.PAY_RUNS)
        sync = stores.syncs.start_next(connection.id)
        scan = stores.syncs.scans(connection.id)[Resource.PAY_RUNS]
    assert sync is not None
    assert (scan.sync_id, scan.page, scan.since, scan.watermark) == (sync.id, 1, None, None)


def test_an_unknown_failure_or_replay_is_none(backend: Backend) -> None:
    with backend.transaction(None) as stores:
        assert stores.failures.get_for_update(FailureId(404)) is None
        assert stores.replays.get(ReplayId(404)) is None
        assert stores.replays.items(ReplayId(404), CLINIC) == []


def test_every_failure_has_a_fingerprint_that_its_query_finds(backend: Backend) -> None:
    connection = connected(backend.transaction)
    failed(backend, connection, "1", stream="pay_runs")
    kept: Failure = found(backend)[0].failure
    assert len(found(backend, FailureQuery(fingerprint=kept.fingerprint))) == 1


def test_every_attempt_is_on_record(postgres_backend: PostgresBackend) -> None:
    connection = connected(postgres_backend.transaction)
    record(postgres_backend, connection, context={"status": "400"})
    record(postgres_backend, connection, error="ScopeMissing", state=FailureState.RETRYING)
    attempts = postgres_backend.ask("SELECT * FROM allie_xero.failure_attempt ORDER BY number")
    assert [(one["number"], one["error"], one["state"]) for one in attempts] == [
        (1, "RequestRefused", "failed"),
        (2, "ScopeMissing", "retrying"),
    ]
    assert attempts[0]["context"] == {"status": "400"}


def test_the_audit_of_replays_is_never_changed(postgres_backend: PostgresBackend) -> None:
    with postgres_backend.transaction(None) as stores:
        stores.replays.note(ReplayId(1), "begun", "olga", "T-1", {"failures": 3})
    [line] = postgres_backend.ask("SELECT * FROM allie_xero.replay_audit")
    assert (line["operator"], line["reason"], line["detail"]) == ("olga", "T-1", {"failures": 3})
    for change in ("UPDATE allie_xero.replay_audit SET reason = ''", "DELETE FROM allie_xero.replay_audit"):
        with pytest.raises(DBAPIError, match="never changed"):
            postgres_backend.execute(change)
