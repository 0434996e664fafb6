"""What only a real database can show: two transactions at once, on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import TypeVar

import pytest

from builders import CLINIC, make_disconnect, make_failure, make_header, make_tenant
from contract.backends import PostgresBackend
from contract.given import connected, leased, live, request
from domain.errors import ConsentWithdrawn, EventBusy, Fenced, StorageConflict
from domain.messages import ConnectCompleted, Disconnect, Job, PayrollErased, RunSlice, SyncRequested
from domain.model.budget import Budget
from domain.model.connection import Connection, Erase, Reason
from domain.model.ids import ClinicId, ReplayId, TenantId
from domain.model.kept_failure import FailureQuery
from domain.model.replays import Replay, ReplayState
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.ports import Stores, Transaction
from domain.use_cases.disconnect import DisconnectOutcome, disconnect
from domain.use_cases.endings import end
from domain.use_cases.rotation import claim, present
from fakes.service import make_service

T = TypeVar("T")
BLOCKED = 0.3
"""Seconds after which something that has not come back is taken to wait for a lock."""


@pytest.fixture(scope="module")
def logins() -> None:
    """One login for everything: what two transactions do to each other is no matter of rights."""


@pytest.fixture
def transaction(postgres_backend: PostgresBackend) -> Transaction:
    return postgres_backend.transaction


@pytest.fixture
def connection(transaction: Transaction) -> Connection:
    return connected(transaction)


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def within(transaction: Transaction, action: Callable[[Stores], T]) -> T:
    with transaction(CLINIC) as stores:
        return action(stores)


def is_blocked(future: Future[T]) -> bool:
    try:
        future.result(BLOCKED)
    except TimeoutError:
        return True
    return False


def all_at_once(others: ThreadPoolExecutor, count: int, action: Callable[[], T]) -> list[T | Exception]:
    """Run an action several times, all starting together; what each came to."""
    gate = threading.Barrier(count)

    def run() -> T | Exception:
        gate.wait()
        try:
            return action()
        except (StorageConflict, Fenced, EventBusy) as error:
            return error

    return [one.result() for one in [others.submit(run) for _ in range(count)]]


Lock = Callable[[Stores, Connection], object]
LOCKS: dict[str, Lock] = {
    "a connection": lambda stores, it: stores.connections.get_for_update(it.id),
    "a clinic's connection": lambda stores, it: stores.connections.open_for(it.clinic_id),
    "a live token set": lambda stores, it: stores.credentials.live_for_update(it.id),
    "a budget": lambda stores, it: it.tenant and stores.budget.get_for_update(it.tenant.id),
}


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_what_is_read_for_update_is_locked_until_the_transaction_ends(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor, lock: Lock
) -> None:
    live(transaction, connection)
    within(transaction, lambda stores: stores.budget.save(TenantId("tenant-1"), Budget.unknown()))
    with transaction(CLINIC) as stores:
        lock(stores, connection)
        other = others.submit(within, transaction, lambda stores: lock(stores, connection))
        assert is_blocked(other)
    assert other.result(5) is not None


def test_a_disconnect_finds_the_connection_of_a_connect_that_begins_at_the_same_time(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    """After a deploy both queues are read at once: neither may begin without the other."""
    with transaction(CLINIC) as stores:
        assert stores.inbox.begin(make_header("connect"), ConnectCompleted.type)
        stores.connections.add(CLINIC)
        ending = others.submit(disconnect, make_disconnect(), transaction=transaction)
        assert is_blocked(ending)
    assert ending.result(5) is DisconnectOutcome.DISCONNECTED


def test_a_connect_finds_the_disconnect_that_begins_at_the_same_time(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    def connect(stores: Stores) -> bool:
        assert stores.inbox.begin(make_header("connect"), ConnectCompleted.type)
        return stores.inbox.is_overtaken(make_header("connect"), Disconnect.type)

    with transaction(CLINIC) as stores:
        assert stores.inbox.begin(make_header("disconnect"), Disconnect.type)
        connecting = others.submit(within, transaction, connect)
        assert is_blocked(connecting)
        stores.inbox.complete(make_header("disconnect"), DisconnectOutcome.WAS_NOT_CONNECTED)
    assert connecting.result(5)


def test_reading_without_a_lock_does_not_wait(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    live(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.connections.get_for_update(connection.id)
        stores.credentials.live_for_update(connection.id)
        for look in (
            lambda stores: stores.connections.get(connection.id),
            lambda stores: stores.credentials.live(connection.id),
        ):
            assert others.submit(within, transaction, look).result(5) is not None


def test_of_two_claims_of_one_token_set_one_is_fenced(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    seen = live(transaction, connection)

    def claim() -> bool:
        with transaction(CLINIC) as stores:
            stores.credentials.save(seen.claimed(stores.now), seen=seen)
        return True

    results = all_at_once(others, 6, claim)
    assert results.count(True) == 1
    assert sum(isinstance(one, Fenced) for one in results) == 5


def test_one_of_many_workers_gets_the_lease(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    within(transaction, lambda stores: request(stores, connection))
    leases = all_at_once(
        others, 6, lambda: within(transaction, lambda stores: stores.syncs.lease(connection.id))
    )
    assert sum(one is not None for one in leases) == 1


def test_a_disconnect_waits_for_the_slice_that_is_saving_and_fences_the_next_save(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    lease = leased(transaction, connection)

    def end(stores: Stores) -> bool:
        current = stores.connections.open_for(CLINIC)
        assert current is not None
        stores.connections.save(current.disconnected(stores.now, Erase.NEVER))
        stores.syncs.stop(connection.id)
        return True

    with transaction(CLINIC) as stores:
        stores.syncs.keep(lease)
        ending = others.submit(within, transaction, end)
        assert is_blocked(ending)
        stores.syncs.backfilled(connection.id)
    assert ending.result(5)
    with pytest.raises(Fenced):
        within(transaction, lambda stores: stores.syncs.keep(lease))


def test_a_save_waits_for_the_disconnect_that_came_first_and_is_fenced(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    lease = leased(transaction, connection)
    with transaction(CLINIC) as stores:
        current = stores.connections.open_for(CLINIC)
        assert current is not None
        saving = others.submit(within, transaction, lambda stores: stores.syncs.keep(lease))
        assert is_blocked(saving)
        stores.connections.save(current.disconnected(stores.now, Erase.NEVER))
        stores.syncs.stop(connection.id)
    with pytest.raises(Fenced):
        saving.result(5)


def test_a_disconnect_and_the_end_of_a_refresh_that_xero_refused_do_not_wait_for_each_other(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    seen = live(transaction, connection)
    mine = within(transaction, lambda stores: claim(stores, seen))
    refusing = make_service().authorizer
    with transaction(CLINIC) as stores:
        current = stores.connections.open_for(CLINIC)
        assert current is not None
        refresh = others.submit(present, mine, transaction, refusing)
        assert is_blocked(refresh)
        end(stores, current, Erase.NEVER, Reason.REQUESTED)
    with pytest.raises(ConsentWithdrawn):
        refresh.result(5)
    found = within(transaction, lambda stores: stores.connections.get(connection.id))
    assert found is not None
    assert found.reason is Reason.REQUESTED


def give_way(stores: Stores, provisional: Connection, earlier: Connection) -> None:
    """A reconnect within the grace: the earlier connection is the clinic's again."""
    stores.connections.drop(provisional)
    stores.connections.save(earlier.activated(make_tenant(), stores.now))


def move(stores: Stores, provisional: Connection, _earlier: Connection) -> None:
    """The clinic goes over to another organisation, which gets a connection of its own."""
    stores.connections.save(provisional.disconnected(stores.now, Erase.NEVER))
    stores.connections.add(CLINIC)


@pytest.mark.parametrize("change", [give_way, move])
def test_who_waited_for_a_connection_that_gave_way_to_another_finds_the_other(
    transaction: Transaction,
    connection: Connection,
    others: ThreadPoolExecutor,
    change: Callable[[Stores, Connection, Connection], None],
) -> None:
    def end(stores: Stores) -> Connection:
        ended = connection.disconnected(stores.now, Erase.AFTER_GRACE)
        stores.connections.save(ended)
        return ended

    def look(stores: Stores) -> Connection | None:
        return stores.connections.open_for(CLINIC)

    earlier = within(transaction, end)
    provisional = within(transaction, lambda stores: stores.connections.add(CLINIC))
    with transaction(CLINIC) as stores:
        assert look(stores) == provisional
        waiting = others.submit(within, transaction, look)
        assert is_blocked(waiting)
        change(stores, provisional, earlier)
    found = waiting.result(5)
    assert found is not None
    assert found == within(transaction, look)
    assert found.id != provisional.id


@pytest.mark.parametrize("erase", [Erase.NOW, Erase.NEVER])
def test_a_wish_about_rows_that_are_being_erased_does_not_undo_it(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor, erase: Erase
) -> None:
    within(transaction, lambda stores: end(stores, connection, Erase.NOW, Reason.REQUESTED))
    with transaction(CLINIC) as stores:
        due = stores.connections.get_for_update(connection.id)
        assert due is not None
        stores.connections.save(due.erased(stores.now))
        wish = others.submit(disconnect, make_disconnect(erase=erase), transaction=transaction)
        assert is_blocked(wish)
    assert wish.result(5) is DisconnectOutcome.WAS_NOT_CONNECTED
    found = within(transaction, lambda stores: stores.connections.get(connection.id))
    assert found is not None
    assert (found.erased_at is not None, found.erase_at) == (True, None)


def test_two_connects_of_one_clinic_cannot_both_begin(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    clinic = ClinicId("clinic-2")
    results = all_at_once(
        others, 4, lambda: within(transaction, lambda stores: stores.connections.add(clinic))
    )
    assert sum(isinstance(one, Connection) for one in results) == 1
    assert sum(isinstance(one, StorageConflict) for one in results) == 3


def test_of_two_deliveries_of_one_event_one_is_worked_and_the_others_are_busy(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    header = make_header("event-1")
    results = all_at_once(
        others, 5, lambda: within(transaction, lambda stores: stores.inbox.begin(header, SyncRequested.type))
    )
    assert results.count(True) == 1
    assert sum(isinstance(one, EventBusy) for one in results) == 4


def test_a_delivery_waits_for_the_one_before_it_and_finds_the_event_done(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    header = make_header("event-1")

    def begin(stores: Stores) -> bool:
        return stores.inbox.begin(header, SyncRequested.type)

    with transaction(CLINIC) as stores:
        assert begin(stores)
        second = others.submit(within, transaction, begin)
        assert is_blocked(second)
        stores.inbox.complete(header, "queued")
    assert second.result(5) is False


def test_wishes_at_once_become_one_pass_that_covers_all(
    transaction: Transaction, connection: Connection, others: ThreadPoolExecutor
) -> None:
    streams = iter(list(Stream))

    def wish() -> bool:
        stream = next(streams)
        with transaction(CLINIC) as stores:
            stores.connections.open_for(CLINIC)
            return request(stores, connection, Mode.CHANGES, stream)

    assert sorted(map(str, all_at_once(others, 8, wish))) == ["False", *["True"] * 7]
    sync = within(transaction, lambda stores: stores.syncs.start_next(connection.id))
    assert sync is not None
    assert sync.streams == frozenset(Stream)


def test_due_work_is_shared_and_never_given_twice(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    for number in range(12):
        connection = connected(transaction, f"clinic-{number}", f"tenant-{number}")
        with transaction(connection.clinic_id) as stores:
            request(stores, connection)

    def claim() -> list[Job]:
        with transaction(None) as stores:
            return list(stores.work.due(4))

    jobs = [job for found in all_at_once(others, 5, claim) if isinstance(found, list) for job in found]
    assert len(jobs) == len(set(jobs))
    jobs += claim()
    jobs += claim()
    assert sorted(job.clinic_id for job in jobs) == sorted(f"clinic-{number}" for number in range(12))
    assert {type(job) for job in jobs} == {RunSlice}


def test_due_work_that_another_transaction_is_claiming_is_passed_over(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    for number in range(2):
        connection = connected(transaction, f"clinic-{number}", f"tenant-{number}")
        with transaction(connection.clinic_id) as stores:
            request(stores, connection)
    with transaction(None) as stores:
        [first] = stores.work.due(1)
        [second] = others.submit(within, transaction, lambda stores: stores.work.due(5)).result(5)
    assert first != second


def test_periodic_looks_are_queued_once_by_several_dispatchers(
    postgres_backend: PostgresBackend, transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    for number in range(6):
        connection = connected(transaction, f"clinic-{number}", f"tenant-{number}")
        lease = leased(transaction, connection)
        with transaction(CLINIC) as stores:
            stores.syncs.release(lease, None)
    postgres_backend.pass_time(timedelta(hours=2))
    counts = all_at_once(
        others, 4, lambda: within(transaction, lambda stores: stores.work.queue_periodic(10))
    )
    assert sum(one for one in counts if isinstance(one, int)) == 6


def test_events_that_another_transaction_is_sending_are_passed_over(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    for _ in range(4):
        within(transaction, lambda stores: stores.outbox.add(PayrollErased(clinic_id=CLINIC, rows={})))
    with ExitStack() as stack:
        first = stack.enter_context(transaction(None)).outbox.claim(2)
        second = others.submit(within, transaction, lambda stores: stores.outbox.claim(10)).result(5)
        assert len(first) == len(second) == 2
        assert not {one.id for one in first} & {one.id for one in second}


def test_a_replay_that_another_dispatcher_moves_on_is_passed_over(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    with transaction(None) as stores:
        wish = Replay(
            id=ReplayId(0),
            state=ReplayState.RUNNING,
            query=FailureQuery(),
            operator="olga",
            reason="T-1",
            created_at=stores.now,
        )
        stores.replays.add(wish, [])
    with transaction(None) as stores:
        [mine] = stores.replays.under_way()
        theirs = others.submit(within, transaction, lambda stores: stores.replays.under_way()).result(5)
        assert (mine.operator, list(theirs)) == ("olga", [])


def test_calls_that_slices_of_many_clinics_reserve_all_count_against_the_apps_limit(
    transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    tenants = iter([TenantId(f"tenant-{number}") for number in range(8)])

    def reserve() -> None:
        tenant = next(tenants)
        with transaction(CLINIC) as stores:
            budget = stores.budget.get_for_update(tenant).reserved(10, stores.now)
            stores.budget.save(tenant, budget, app_calls=10)

    within(transaction, lambda stores: stores.budget.save(TenantId("first"), Budget.unknown()))
    assert all_at_once(others, 8, reserve) == [None] * 8
    seen = within(transaction, lambda stores: stores.budget.get_for_update(TenantId("another")))
    assert seen.app.remaining == 10_000 - 80


def test_a_failure_met_by_several_at_once_is_one_row(
    postgres_backend: PostgresBackend, transaction: Transaction, others: ThreadPoolExecutor
) -> None:
    all_at_once(others, 6, lambda: within(transaction, lambda stores: stores.failures.record(make_failure())))
    [kept] = postgres_backend.failures()
    assert kept.attempts == 6
