from datetime import timedelta

import pytest

from builders import CLINIC
from contract.backends import Backend
from contract.given import connected, leased, request, under_way
from domain.model.connection import Connection
from domain.model.plans import AU
from domain.model.streams import Resource, Stream
from domain.model.sync import Mode, Scan, Tally
from domain.ports import Transaction


@pytest.fixture
def connection(transaction: Transaction) -> Connection:
    return connected(transaction)


def test_a_queued_pass_is_started_once_with_everything_that_was_asked(
    transaction: Transaction, connection: Connection
) -> None:
    with transaction(CLINIC) as stores:
        assert request(stores, connection, Mode.FULL, Stream.EMPLOYEES) is False
        asked_at = stores.now
        assert stores.syncs.under_way(connection.id) is None
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert (sync.mode, sync.streams) == (Mode.FULL, frozenset({Stream.EMPLOYEES}))
    assert (sync.requested_by, sync.traceparent) == ("somebody", "00-trace")
    assert (sync.connection_id, sync.clinic_id, sync.requested_at) == (connection.id, CLINIC, asked_at)
    with transaction(CLINIC) as stores:
        assert stores.syncs.under_way(connection.id) == sync
        assert stores.syncs.start_next(connection.id) is None


def test_a_second_wish_is_merged_with_the_queued_pass(backend: Backend, connection: Connection) -> None:
    with backend.transaction(CLINIC) as stores:
        assert request(stores, connection, Mode.CHANGES, Stream.EMPLOYEES) is False
    backend.pass_time(timedelta(minutes=10))
    with backend.transaction(CLINIC) as stores:
        assert request(stores, connection, Mode.RECONCILE, Stream.USERS) is True
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert (sync.mode, sync.streams) == (Mode.RECONCILE, frozenset({Stream.EMPLOYEES, Stream.USERS}))


def test_a_smaller_wish_does_not_shrink_the_queued_pass(
    transaction: Transaction, connection: Connection
) -> None:
    with transaction(CLINIC) as stores:
        request(stores, connection, Mode.FULL)
        assert request(stores, connection, Mode.CHANGES, Stream.USERS) is True
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert (sync.mode, sync.streams) == (Mode.FULL, AU.streams())


def test_a_merged_wish_is_for_data_as_fresh_as_itself(backend: Backend, connection: Connection) -> None:
    """A list that was read between the two wishes has to be read again for the later one."""
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
    backend.pass_time(timedelta(minutes=10))
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
        asked_at = stores.now
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    assert sync.requested_at >= asked_at - timedelta(seconds=1)


def test_a_wish_during_a_pass_is_queued_behind_it(transaction: Transaction, connection: Connection) -> None:
    first = under_way(transaction, connection)
    with transaction(CLINIC) as stores:
        assert request(stores, connection) is False
        assert stores.syncs.under_way(connection.id) == first
        stores.syncs.finish(first)
        second = stores.syncs.start_next(connection.id)
    assert second is not None
    assert second.id != first.id


def test_a_finished_pass_is_no_longer_under_way(transaction: Transaction, connection: Connection) -> None:
    sync = under_way(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.syncs.finish(sync)
        assert stores.syncs.under_way(connection.id) is None


def test_a_wish_makes_the_connection_due_now(backend: Backend, connection: Connection) -> None:
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(lease, stores.now + timedelta(hours=5))
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
        now = stores.now
    due_at = backend.due_at(connection.id)
    assert due_at is not None
    assert due_at <= now


def test_a_wish_does_not_hurry_a_connection_that_is_backed_off(
    backend: Backend, connection: Connection
) -> None:
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        later = stores.now + timedelta(hours=5)
        stores.syncs.release(lease, later, failed=True)
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
    assert backend.due_at(connection.id) == later


def test_tallies_add_up_on_the_pass_and_on_the_connections_use(
    backend: Backend, connection: Connection
) -> None:
    under_way(backend.transaction, connection)
    tally = Tally(calls=2, wire_bytes=300, seen=5, changed=4, gone=1, unreadable=1)
    for _ in range(2):
        with backend.transaction(CLINIC) as stores:
            sync = stores.syncs.under_way(connection.id)
            stores.syncs.tally(connection.id, sync, {Stream.USERS: tally, Stream.LEAVE: Tally(calls=1)})
    with backend.transaction(CLINIC) as stores:
        sync = stores.syncs.under_way(connection.id)
    assert sync is not None
    assert sync.tallies == {Stream.USERS: tally.plus(tally), Stream.LEAVE: Tally(calls=2)}
    assert backend.used(connection.id) == (6, 600)


def test_what_is_used_outside_a_pass_counts_too(backend: Backend, connection: Connection) -> None:
    with backend.transaction(CLINIC) as stores:
        stores.syncs.tally(connection.id, None, {Stream.PAYSLIPS: Tally(calls=7, wire_bytes=70)})
    assert backend.used(connection.id) == (7, 70)


def test_the_end_of_the_backfill_is_noted_once(transaction: Transaction, connection: Connection) -> None:
    leased(transaction, connection)
    with transaction(CLINIC) as stores:
        assert stores.syncs.backfilled(connection.id) is True
    with transaction(CLINIC) as stores:
        assert stores.syncs.backfilled(connection.id) is False


def test_stopping_ends_what_is_queued_and_under_way(backend: Backend, connection: Connection) -> None:
    under_way(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
        stores.syncs.stop(connection.id)
    with backend.transaction(CLINIC) as stores:
        assert stores.syncs.under_way(connection.id) is None
        assert stores.syncs.start_next(connection.id) is None
    assert backend.due_at(connection.id) is None


def test_stopping_a_connection_that_was_never_synced_does_nothing(
    transaction: Transaction, connection: Connection
) -> None:
    with transaction(CLINIC) as stores:
        stores.syncs.stop(connection.id)
        assert stores.syncs.lease(connection.id) is None


def test_a_list_that_was_never_read_has_no_scan(transaction: Transaction, connection: Connection) -> None:
    with transaction(CLINIC) as stores:
        assert stores.syncs.scans(connection.id) == {}


def test_a_scans_progress_is_kept_field_by_field(transaction: Transaction, connection: Connection) -> None:
    sync = under_way(transaction, connection)
    with transaction(CLINIC) as stores:
        scan = Scan(
            resource=Resource.PAY_RUNS,
            watermark=stores.now,
            finished_at=stores.now + timedelta(minutes=1),
            fault="ScopeMissing",
            attempted_at=stores.now + timedelta(minutes=2),
            sync_id=sync.id,
            page=7,
            since=stores.now + timedelta(minutes=3),
            mark=stores.now + timedelta(minutes=4),
        )
        stores.syncs.save_scan(connection.id, scan)
    with transaction(CLINIC) as stores:
        assert stores.syncs.scans(connection.id) == {Resource.PAY_RUNS: scan}
        stores.syncs.save_scan(connection.id, Scan(resource=Resource.PAY_RUNS))
        stores.syncs.save_scan(connection.id, Scan(resource=Resource.USERS))
        assert stores.syncs.scans(connection.id) == {
            Resource.PAY_RUNS: Scan(resource=Resource.PAY_RUNS),
            Resource.USERS: Scan(resource=Resource.USERS),
        }


def test_scans_belong_to_their_connection(transaction: Transaction, connection: Connection) -> None:
    other = connected(transaction, "clinic-2", "tenant-2")
    with transaction(CLINIC) as stores:
        stores.syncs.save_scan(other.id, Scan(resource=Resource.USERS))
        assert stores.syncs.scans(connection.id) == {}
