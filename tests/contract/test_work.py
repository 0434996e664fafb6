from collections.abc import Callable
from datetime import timedelta

import pytest

from builders import CLINIC
from contract.backends import Backend
from contract.given import connected, hold, leased, live, request, under_way
from domain.messages import ConnectionJob, ErasePayroll, FinishDisconnect, Job, KeepAlive, RunSlice
from domain.model.connection import Connection, Erase, Reason
from domain.model.ids import ClinicId
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.model.tokens import UNUSED_TERM

MINUTE = timedelta(seconds=61)
DAY = timedelta(hours=25)


def due(backend: Backend, limit: int = 100) -> list[Job]:
    with backend.transaction(None) as stores:
        return list(stores.work.due(limit))


def asked(backend: Backend, connection: Connection) -> None:
    with backend.transaction(connection.clinic_id) as stores:
        request(stores, connection)


def retired(backend: Backend, connection: Connection) -> None:
    live(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        credential = stores.credentials.live(connection.id)
        assert credential is not None
        stores.credentials.retire(credential, stores.now + timedelta(hours=24))


def idle(backend: Backend, connection: Connection) -> None:
    live(backend.transaction, connection)
    backend.pass_time(DAY)


def in_doubt(backend: Backend, connection: Connection) -> None:
    live(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        seen = stores.credentials.live_for_update(connection.id)
        assert seen is not None
        stores.credentials.save(seen.claimed(stores.now), seen=seen)
    backend.pass_time(timedelta(seconds=100))


def to_be_erased(backend: Backend, connection: Connection) -> None:
    with backend.transaction(CLINIC) as stores:
        stores.connections.save(connection.disconnected(stores.now, Erase.NOW))


def unused(backend: Backend, connection: Connection) -> None:
    hold(backend.transaction, connection)
    backend.pass_time(UNUSED_TERM - timedelta(seconds=5))
    assert due(backend) == []
    backend.pass_time(timedelta(seconds=5))


Given = Callable[[Backend, Connection], None]
KINDS: dict[str, tuple[Given, type[ConnectionJob]]] = {
    "a pass that was asked for": (asked, RunSlice),
    "a token set to revoke": (retired, FinishDisconnect),
    "a consent that nobody used": (unused, FinishDisconnect),
    "a token set that idles": (idle, KeepAlive),
    "a refresh in doubt": (in_doubt, KeepAlive),
    "payroll to erase": (to_be_erased, ErasePayroll),
}
kinds = pytest.mark.parametrize(("given", "job"), KINDS.values(), ids=KINDS)


@kinds
def test_due_work_is_claimed_for_a_minute(backend: Backend, given: Given, job: type[ConnectionJob]) -> None:
    connection = connected(backend.transaction)
    given(backend, connection)
    assert due(backend) == [job(CLINIC, connection.id)]
    assert due(backend) == []
    backend.pass_time(timedelta(seconds=50))
    assert due(backend) == []
    backend.pass_time(timedelta(seconds=11))
    assert due(backend) == [job(CLINIC, connection.id)]


def traces(backend: Backend) -> list[str | None]:
    return [job.traceparent for job in due(backend) if isinstance(job, RunSlice)]


def test_a_slice_is_in_the_trace_of_its_pass(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
    assert traces(backend) == ["00-trace"]


def test_a_slice_is_in_the_trace_of_the_pass_under_way_before_that_of_the_next(backend: Backend) -> None:
    connection = connected(backend.transaction)
    under_way(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.request(
            connection, mode=Mode.CHANGES, streams=frozenset(), requested_by=None, traceparent="00-later"
        )
    backend.pass_time(timedelta(hours=1))
    assert traces(backend) == ["00-trace"]


def test_a_slice_of_nobodys_pass_has_no_trace(backend: Backend) -> None:
    rested(backend, connected(backend.transaction))
    backend.pass_time(timedelta(hours=2))
    queue_periodic(backend)
    assert traces(backend) == [None]


def test_nothing_is_due_of_a_connection_that_rests(backend: Backend) -> None:
    live(backend.transaction, connected(backend.transaction))
    assert due(backend) == []


def test_a_pass_is_not_due_while_somebody_works_on_it(backend: Backend) -> None:
    lease = leased(backend.transaction, connected(backend.transaction))
    assert due(backend) == []
    backend.pass_time(timedelta(seconds=50))
    assert due(backend) == [RunSlice(CLINIC, lease.connection_id)]


def test_a_pass_is_due_when_its_slice_said(backend: Backend) -> None:
    lease = leased(backend.transaction, connected(backend.transaction))
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(lease, stores.now + timedelta(minutes=5))
    backend.pass_time(timedelta(minutes=4))
    assert due(backend) == []
    backend.pass_time(timedelta(minutes=1))
    assert due(backend) == [RunSlice(CLINIC, lease.connection_id)]


def test_a_slice_that_has_begun_ends_its_claim(backend: Backend) -> None:
    connection = connected(backend.transaction)
    asked(backend, connection)
    assert due(backend)
    with backend.transaction(CLINIC) as stores:
        lease = stores.syncs.lease(connection.id)
        assert lease is not None
        stores.syncs.release(lease, stores.now)
    assert due(backend) == [RunSlice(CLINIC, connection.id)]


def test_a_paused_connection_is_not_due(backend: Backend) -> None:
    connection = connected(backend.transaction)
    asked(backend, connection)
    backend.pause(connection.id, timedelta(hours=1))
    assert due(backend) == []
    backend.pass_time(timedelta(hours=2))
    assert due(backend) == [RunSlice(CLINIC, connection.id)]


def test_no_more_of_a_kind_is_claimed_than_asked_for_and_the_rest_is_next(backend: Backend) -> None:
    for number in range(3):
        connection = connected(backend.transaction, f"clinic-{number}", f"tenant-{number}")
        asked(backend, connection)
    first = due(backend, 2)
    second = due(backend, 2)
    assert (len(first), len(second)) == (2, 1)
    assert {job.clinic_id for job in first + second} == {"clinic-0", "clinic-1", "clinic-2"}


@pytest.mark.parametrize("reason", [Reason.CONSENT_WITHDRAWN, Reason.PAYROLL_UNAVAILABLE])
def test_a_token_set_of_a_connection_that_needs_somebody_is_kept_alive_too(
    backend: Backend, reason: Reason
) -> None:
    connection = connected(backend.transaction)
    idle(backend, connection)
    with backend.transaction(CLINIC) as stores:
        stores.connections.save(connection.needing_attention(reason))
    assert due(backend) == [KeepAlive(CLINIC, connection.id)]


def test_a_token_set_that_xero_has_turned_down_is_asked_about_once_a_day(backend: Backend) -> None:
    connection = connected(backend.transaction)
    idle(backend, connection)
    with backend.transaction(CLINIC) as stores:
        seen = stores.credentials.live_for_update(connection.id)
        assert seen is not None
        stores.credentials.save(seen.rejected(stores.now), seen=seen)
    backend.pass_time(timedelta(hours=23))
    assert due(backend) == []
    backend.pass_time(timedelta(hours=2))
    assert due(backend) == [KeepAlive(CLINIC, connection.id)]


def test_token_sets_that_rest_do_not_stand_in_the_way_of_others(backend: Backend) -> None:
    for number in range(3):
        clinic = ClinicId(f"clinic-{number}")
        blocked = connected(backend.transaction, clinic, f"tenant-{number}")
        seen = live(backend.transaction, blocked)
        with backend.transaction(clinic) as stores:
            stores.credentials.save(seen.rejected(stores.now + DAY), seen=seen)
    backend.pass_time(MINUTE)
    connection = connected(backend.transaction, "clinic-9", "tenant-9")
    live(backend.transaction, connection)
    backend.pass_time(DAY)
    assert due(backend, 2) == [KeepAlive(ClinicId("clinic-9"), connection.id)]


@pytest.mark.parametrize(
    ("erase", "wait", "is_due"),
    [
        (Erase.NOW, timedelta(0), True),
        (Erase.AFTER_GRACE, timedelta(days=6), False),
        (Erase.AFTER_GRACE, timedelta(days=7, seconds=1), True),
        (Erase.NEVER, timedelta(days=90), False),
    ],
)
def test_payroll_is_erased_when_its_grace_is_over(
    backend: Backend, erase: Erase, wait: timedelta, is_due: bool
) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        stores.connections.save(connection.disconnected(stores.now, erase))
    backend.pass_time(wait)
    assert due(backend) == ([ErasePayroll(CLINIC, connection.id)] if is_due else [])


def test_erased_payroll_is_not_due_again(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        ended = connection.disconnected(stores.now, Erase.NOW)
        stores.connections.save(ended.erased(stores.now))
    assert due(backend) == []


def test_payroll_of_a_connection_that_is_open_again_is_not_due(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        assert connection.tenant is not None
        ended = connection.disconnected(stores.now, Erase.NOW)
        stores.connections.save(ended.activated(connection.tenant, stores.now))
    assert due(backend) == []


def rested(backend: Backend, connection: Connection) -> None:
    """A connection whose first pass is over."""
    lease = leased(backend.transaction, connection)
    with backend.transaction(connection.clinic_id) as stores:
        sync = stores.syncs.start_next(connection.id)
        assert sync is not None
        stores.syncs.finish(sync)
        stores.syncs.release(lease, None)


def queue_periodic(backend: Backend, limit: int = 10) -> int:
    with backend.transaction(None) as stores:
        return stores.work.queue_periodic(limit)


def test_a_look_for_changes_is_queued_when_its_interval_is_over(backend: Backend) -> None:
    connection = connected(backend.transaction)
    rested(backend, connection)
    backend.pass_time(timedelta(minutes=45))
    assert queue_periodic(backend) == 0
    backend.pass_time(timedelta(minutes=30))
    assert queue_periodic(backend) == 1
    assert queue_periodic(backend) == 0
    assert due(backend) == [RunSlice(CLINIC, connection.id)]
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert (sync.mode, sync.requested_by) == (Mode.CHANGES, "schedule")
    assert sync.streams == frozenset(Stream)


def test_everything_is_compared_once_a_day(backend: Backend) -> None:
    connection = connected(backend.transaction)
    rested(backend, connection)
    backend.pass_time(timedelta(days=2))
    assert queue_periodic(backend) == 1
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
        assert sync is not None
        assert sync.mode is Mode.RECONCILE
        stores.syncs.finish(sync)
    backend.pass_time(timedelta(hours=2))
    assert queue_periodic(backend) == 1
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert sync.mode is Mode.CHANGES


def test_a_nights_comparison_is_not_lost_to_a_smaller_pass_that_waits(backend: Backend) -> None:
    connection = connected(backend.transaction)
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
        assert sync is not None
        stores.syncs.finish(sync)
        request(stores, connection, Mode.CHANGES, Stream.USERS)
        stores.syncs.release(lease, stores.now + timedelta(days=9))
    backend.pass_time(timedelta(days=2))
    assert queue_periodic(backend) == 1
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert (sync.mode, sync.streams) == (Mode.RECONCILE, frozenset(Stream))


def test_a_full_pass_that_waits_stays_one(backend: Backend) -> None:
    connection = connected(backend.transaction)
    with backend.transaction(CLINIC) as stores:
        request(stores, connection, Mode.FULL)
    backend.pass_time(timedelta(days=2))
    assert queue_periodic(backend) == 1
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert sync.mode is Mode.FULL


def test_a_look_that_waits_for_its_day_does_not_come_earlier_for_being_queued_again(backend: Backend) -> None:
    connection = connected(backend.transaction)
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(lease, stores.now + timedelta(hours=9))
    backend.pass_time(timedelta(hours=3))
    assert queue_periodic(backend) == 1
    assert due(backend) == []


def test_what_waits_in_part_is_looked_at_meanwhile(backend: Backend) -> None:
    """Such as backfill for its day, or a stream for the end of its rest."""
    connection = connected(backend.transaction)
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(lease, stores.now + timedelta(hours=9), in_part=True)
    backend.pass_time(timedelta(minutes=45))
    assert (queue_periodic(backend), due(backend)) == (0, [])
    backend.pass_time(timedelta(minutes=30))
    assert queue_periodic(backend) == 1
    assert due(backend) == [RunSlice(CLINIC, connection.id)]


def test_what_waits_in_part_for_less_than_the_next_look_does_not_wait_for_it(backend: Backend) -> None:
    connection = connected(backend.transaction)
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(lease, stores.now + timedelta(minutes=5), in_part=True)
    backend.pass_time(timedelta(minutes=6))
    assert due(backend) == [RunSlice(CLINIC, connection.id)]


def test_only_active_connections_that_are_not_paused_are_looked_at(backend: Backend) -> None:
    ended, paused, active = (
        connected(backend.transaction, f"clinic-{number}", f"tenant-{number}") for number in range(3)
    )
    for connection in (ended, paused, active):
        rested(backend, connection)
    with backend.transaction(ended.clinic_id) as stores:
        stores.connections.save(ended.needing_attention(Reason.CONSENT_WITHDRAWN))
    backend.pause(paused.id, timedelta(days=9))
    backend.pass_time(timedelta(hours=2))
    assert queue_periodic(backend) == 1
    assert due(backend) == [RunSlice(active.clinic_id, active.id)]


def test_no_more_looks_are_queued_than_asked_for_and_the_longest_waiting_come_first(backend: Backend) -> None:
    first = connected(backend.transaction, "clinic-1", "tenant-1")
    rested(backend, first)
    backend.pass_time(timedelta(hours=1))
    second = connected(backend.transaction, "clinic-2", "tenant-2")
    rested(backend, second)
    backend.pass_time(timedelta(hours=2))
    assert queue_periodic(backend, 1) == 1
    assert due(backend) == [RunSlice(first.clinic_id, first.id)]
    assert queue_periodic(backend, 1) == 1
    assert due(backend) == [RunSlice(second.clinic_id, second.id)]


def test_a_stopped_connection_is_not_looked_at_until_something_is_asked_for(backend: Backend) -> None:
    connection = connected(backend.transaction)
    rested(backend, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.stop(connection.id)
    backend.pass_time(timedelta(days=2))
    assert queue_periodic(backend) == 0
