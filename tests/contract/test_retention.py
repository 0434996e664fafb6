from datetime import timedelta

from builders import CLINIC, make_tenant
from contract.backends import Backend
from contract.given import connected, request, under_way
from domain.messages import OutboundEvent
from domain.model.ids import ClinicId
from domain.notices import changed
from domain.use_cases.apply_retention import FINISHED_PASSES, SENT_EVENTS, apply_retention

DAY = timedelta(days=1)


def event(backend: Backend) -> OutboundEvent:
    with backend.transaction(CLINIC) as stores:
        connection = stores.connections.open_for(CLINIC) or stores.connections.add(CLINIC)
        return changed(connection.activated(make_tenant(), stores.now))


def add(backend: Backend, count: int) -> None:
    made = event(backend)
    for _ in range(count):
        with backend.transaction(CLINIC) as stores:
            stores.outbox.add(made)


def send(backend: Backend, count: int) -> None:
    with backend.transaction(None) as stores:
        stores.outbox.sent([one.id for one in stores.outbox.claim(count)])


def forget_events(backend: Backend, limit: int = 100) -> int:
    with backend.transaction(None) as stores:
        return stores.outbox.forget(DAY, limit)


def forget_passes(backend: Backend, limit: int = 100) -> int:
    with backend.transaction(None) as stores:
        return stores.syncs.forget(DAY, limit)


def test_a_sent_event_is_forgotten_when_it_is_old_and_not_before(backend: Backend) -> None:
    add(backend, 2)
    send(backend, 2)
    backend.pass_time(DAY - timedelta(minutes=1))
    assert forget_events(backend) == 0
    backend.pass_time(timedelta(minutes=2))
    assert forget_events(backend) == 2
    assert forget_events(backend) == 0


def test_an_event_that_was_not_sent_is_never_forgotten(backend: Backend) -> None:
    add(backend, 2)
    send(backend, 1)
    backend.pass_time(3 * DAY)
    assert forget_events(backend) == 1
    with backend.transaction(None) as stores:
        assert len(stores.outbox.claim(10)) == 1


def test_only_the_oldest_events_are_looked_at(backend: Backend) -> None:
    add(backend, 3)
    send(backend, 3)
    backend.pass_time(2 * DAY)
    assert [forget_events(backend, limit=2) for _ in range(3)] == [2, 1, 0]


def test_events_that_cannot_be_sent_keep_no_later_ones(backend: Backend) -> None:
    add(backend, 4)
    with backend.transaction(None) as stores:
        stores.outbox.sent([one.id for one in stores.outbox.claim(4)[2:]])
    backend.pass_time(2 * DAY)
    assert [forget_events(backend, limit=2) for _ in range(2)] == [2, 0]


def test_a_pass_that_goes_on_keeps_no_later_ones(backend: Backend) -> None:
    under_way(backend.transaction, connected(backend.transaction))
    other = connected(backend.transaction, "clinic-2", "tenant-2")
    sync = under_way(backend.transaction, other)
    with backend.transaction(other.clinic_id) as stores:
        stores.syncs.finish(sync)
    backend.pass_time(2 * DAY)
    assert [forget_passes(backend, limit=1) for _ in range(2)] == [1, 0]


def test_a_pass_that_is_over_is_forgotten_when_it_is_old(backend: Backend) -> None:
    connection = connected(backend.transaction)
    for _ in range(2):
        sync = under_way(backend.transaction, connection)
        with backend.transaction(CLINIC) as stores:
            stores.syncs.finish(sync)
    assert forget_passes(backend) == 0
    backend.pass_time(2 * DAY)
    assert [forget_passes(backend, limit=1) for _ in range(3)] == [1, 1, 0]


def test_a_pass_that_was_stopped_is_forgotten_and_one_that_goes_on_is_not(backend: Backend) -> None:
    stopped, going_on = connected(backend.transaction), connected(backend.transaction, "clinic-2", "tenant-2")
    under_way(backend.transaction, stopped)
    sync = under_way(backend.transaction, going_on)
    with backend.transaction(CLINIC) as stores:
        request(stores, stopped)
        stores.syncs.stop(stopped.id)
    backend.pass_time(2 * DAY)
    assert forget_passes(backend) == 2
    with backend.transaction(ClinicId("clinic-2")) as stores:
        found = stores.syncs.under_way(going_on.id)
    assert found is not None
    assert found.id == sync.id


def test_events_are_kept_for_a_month_and_passes_for_a_quarter(backend: Backend) -> None:
    add(backend, 1)
    send(backend, 1)
    connection = connected(backend.transaction, "clinic-2", "tenant-2")
    sync = under_way(backend.transaction, connection)
    with backend.transaction(connection.clinic_id) as stores:
        stores.syncs.finish(sync)
    for by, forgotten in ((SENT_EVENTS, 0), (DAY, 1), (FINISHED_PASSES - SENT_EVENTS, 1), (DAY, 0)):
        backend.pass_time(by - timedelta(minutes=5))
        assert apply_retention(transaction=backend.transaction) == forgotten
