from dataclasses import replace
from datetime import timedelta

import pytest

from builders import CLINIC
from contract.backends import Backend
from contract.given import connected, leased, request, saved
from domain.errors import Fenced
from domain.model.connection import Connection, ConnectionStatus, Erase
from domain.model.ids import ConnectionId
from domain.model.sync import Lease
from domain.ports import Transaction

A_MOMENT = timedelta(seconds=2)
OVER = timedelta(seconds=60)


@pytest.fixture
def connection(transaction: Transaction) -> Connection:
    return connected(transaction)


def lease_of(transaction: Transaction, connection: Connection) -> Lease | None:
    with transaction(CLINIC) as stores:
        return stores.syncs.lease(connection.id)


def keep(transaction: Transaction, lease: Lease) -> None:
    with transaction(CLINIC) as stores:
        stores.syncs.keep(lease)


def release(transaction: Transaction, lease: Lease, *, failed: bool = False) -> None:
    with transaction(CLINIC) as stores:
        stores.syncs.release(lease, None, failed=failed)


def test_a_lease_names_what_it_holds(transaction: Transaction, connection: Connection) -> None:
    lease = leased(transaction, connection)
    assert (lease.connection_id, lease.clinic_id) == (connection.id, CLINIC)
    assert (lease.generation, lease.attempt) == (connection.generation, 1)


def test_there_is_nothing_to_lease_before_anything_was_asked_for(
    transaction: Transaction, connection: Connection
) -> None:
    assert lease_of(transaction, connection) is None
    with transaction(CLINIC) as stores:
        assert stores.syncs.lease(ConnectionId(404)) is None


@pytest.mark.parametrize(
    "status", [ConnectionStatus.INCOMPLETE, ConnectionStatus.NEEDS_ATTENTION, ConnectionStatus.DISCONNECTED]
)
def test_only_an_active_connection_can_be_leased(
    transaction: Transaction, connection: Connection, status: ConnectionStatus
) -> None:
    with transaction(CLINIC) as stores:
        request(stores, connection)
        stores.connections.save(replace(connection, status=status))
    assert lease_of(transaction, connection) is None


def test_nobody_else_gets_a_lease_that_is_held(backend: Backend, connection: Connection) -> None:
    leased(backend.transaction, connection)
    backend.pass_time(A_MOMENT)
    assert lease_of(backend.transaction, connection) is None


def test_a_lease_that_ran_out_goes_to_the_next_and_fences_the_first(
    backend: Backend, connection: Connection
) -> None:
    first = leased(backend.transaction, connection)
    backend.pass_time(OVER)
    second = lease_of(backend.transaction, connection)
    assert second is not None
    assert second.epoch > first.epoch
    with pytest.raises(Fenced):
        keep(backend.transaction, first)
    keep(backend.transaction, second)


def test_a_kept_lease_lasts_longer(backend: Backend, connection: Connection) -> None:
    lease = leased(backend.transaction, connection)
    for _ in range(3):
        backend.pass_time(timedelta(seconds=30))
        keep(backend.transaction, lease)
    assert lease_of(backend.transaction, connection) is None


def test_a_lease_may_still_be_kept_after_it_ran_out_if_nobody_took_it(
    backend: Backend, connection: Connection
) -> None:
    lease = leased(backend.transaction, connection)
    backend.pass_time(OVER)
    keep(backend.transaction, lease)
    assert lease_of(backend.transaction, connection) is None


def test_a_paused_connection_cannot_be_leased_until_the_pause_is_over(
    backend: Backend, connection: Connection
) -> None:
    with backend.transaction(CLINIC) as stores:
        request(stores, connection)
    backend.pause(connection.id, timedelta(hours=1))
    assert lease_of(backend.transaction, connection) is None
    backend.pass_time(timedelta(hours=2))
    assert lease_of(backend.transaction, connection) is not None


def test_attempts_count_until_one_does_not_fail(backend: Backend, connection: Connection) -> None:
    transaction = backend.transaction
    release(transaction, leased(transaction, connection), failed=True)
    second = lease_of(transaction, connection)
    assert second is not None
    assert second.attempt == 2
    release(transaction, second)
    third = lease_of(transaction, connection)
    assert third is not None
    assert third.attempt == 1


def test_an_attempt_that_killed_its_process_counts_and_is_backed_off(
    backend: Backend, connection: Connection
) -> None:
    for attempt in range(1, 8):
        with backend.transaction(CLINIC) as stores:
            request(stores, connection)
            lease = stores.syncs.lease(connection.id)
            now = stores.now
        assert lease is not None
        assert lease.attempt == attempt
        due_at = backend.due_at(connection.id)
        assert due_at is not None
        assert due_at - now >= max(
            timedelta(seconds=44), timedelta(seconds=5) * 2 ** (attempt - 1) - A_MOMENT
        )
        backend.pass_time(timedelta(minutes=20))


def test_an_attempt_that_saved_a_batch_before_it_was_killed_is_not_backed_off_for_earlier_ones(
    backend: Backend, connection: Connection
) -> None:
    for _ in range(8):
        lease = leased(backend.transaction, connection)
        backend.pass_time(timedelta(minutes=20))
    assert lease.attempt == 8
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.syncs.keep(lease, survived=True)
        now = stores.now
    due_at = backend.due_at(connection.id)
    assert due_at is not None
    assert due_at - now <= timedelta(seconds=46)
    backend.pass_time(OVER)
    assert leased(backend.transaction, connection).attempt == 2


def test_a_batch_that_came_through_does_not_make_a_slice_that_fails_any_younger(
    backend: Backend, connection: Connection
) -> None:
    transaction = backend.transaction
    release(transaction, leased(transaction, connection), failed=True)
    second = leased(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.syncs.keep(second, survived=True)
    release(transaction, second, failed=True)
    assert leased(transaction, connection).attempt == 3


def test_the_backoff_of_a_killed_attempt_is_a_quarter_of_an_hour_at_most(
    backend: Backend, connection: Connection
) -> None:
    for _ in range(12):
        with backend.transaction(CLINIC) as stores:
            request(stores, connection)
            assert stores.syncs.lease(connection.id)
            now = stores.now
        due_at = backend.due_at(connection.id)
        assert due_at is not None
        assert due_at - now <= timedelta(minutes=15, seconds=5)
        backend.pass_time(timedelta(minutes=20))


def test_a_released_connection_is_due_when_its_slice_said(backend: Backend, connection: Connection) -> None:
    lease = leased(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        later = stores.now + timedelta(minutes=7)
        stores.syncs.release(lease, later)
    assert backend.due_at(connection.id) == later
    again = lease_of(backend.transaction, connection)
    assert again is not None
    with backend.transaction(CLINIC) as stores:
        stores.syncs.release(again, None)
    assert backend.due_at(connection.id) is None


def test_the_release_of_a_lease_that_is_over_changes_nothing(
    backend: Backend, connection: Connection
) -> None:
    first = leased(backend.transaction, connection)
    backend.pass_time(OVER)
    second = lease_of(backend.transaction, connection)
    assert second is not None
    release(backend.transaction, first)
    keep(backend.transaction, second)
    assert backend.due_at(connection.id) is not None
    assert lease_of(backend.transaction, connection) is None


def test_a_disconnect_fences_the_slice_that_runs(transaction: Transaction, connection: Connection) -> None:
    lease = leased(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.connections.save(connection.disconnected(stores.now, Erase.NEVER))
        stores.syncs.stop(connection.id)
    with pytest.raises(Fenced):
        keep(transaction, lease)
    assert lease_of(transaction, connection) is None


def test_a_slice_from_before_a_reconnect_is_fenced_by_the_generation_alone(
    transaction: Transaction, connection: Connection
) -> None:
    lease = leased(transaction, connection)
    saved(transaction, replace(connection, generation=connection.generation + 1))
    with pytest.raises(Fenced):
        keep(transaction, lease)


def test_a_stopped_connection_is_fenced_although_its_generation_is_the_same(
    transaction: Transaction, connection: Connection
) -> None:
    lease = leased(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.syncs.stop(connection.id)
    with pytest.raises(Fenced):
        keep(transaction, lease)


def test_what_a_fenced_slice_wrote_beside_keeping_its_lease_never_was(
    transaction: Transaction, connection: Connection
) -> None:
    lease = leased(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.syncs.stop(connection.id)

    def write() -> None:
        with transaction(CLINIC) as stores:
            stores.syncs.backfilled(connection.id)
            stores.syncs.keep(lease)

    with pytest.raises(Fenced):
        write()
    with transaction(CLINIC) as stores:
        assert stores.syncs.backfilled(connection.id) is True
