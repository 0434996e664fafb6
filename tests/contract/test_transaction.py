from collections.abc import Callable
from datetime import UTC, timedelta

import pytest

from builders import CLINIC, make_failure, make_header, make_request, make_tenant
from contract.backends import Backend
from contract.given import connected, live, request
from domain.errors import ServiceError, StorageConflict, XeroUnavailable
from domain.messages import PayrollErased
from domain.model.budget import Budget, Lane
from domain.model.certificate import Certificate, Erased
from domain.model.connection import Connection
from domain.model.ids import ClinicId, EventId
from domain.model.streams import Resource
from domain.model.sync import Scan
from domain.ports import Stores, Transaction
from payroll_builders import make_employee

Write = Callable[[Stores, Connection], object]
Look = Callable[[Backend, Stores, Connection], object]

HEADER = make_header("event-1")
TENANT = make_tenant().id
EVENT = PayrollErased(clinic_id=CLINIC, rows={})

WRITES: dict[str, tuple[Write, Look]] = {
    "a connection": (
        lambda stores, _: stores.connections.add(ClinicId("another")),
        lambda _backend, stores, _: stores.connections.open_for(ClinicId("another")),
    ),
    "a changed connection": (
        lambda stores, it: stores.connections.save(it.holding(EventId("event"))),
        lambda _backend, stores, it: stores.connections.get(it.id),
    ),
    "a token set": (
        lambda stores, it: [stores.credentials.shred(one) for one in stores.credentials.to_revoke(it.id)],
        lambda _backend, stores, it: stores.credentials.to_revoke(it.id),
    ),
    "a pass": (
        request,
        lambda _backend, stores, it: stores.syncs.start_next(it.id),
    ),
    "a scan": (
        lambda stores, it: stores.syncs.save_scan(it.id, Scan(resource=Resource.USERS, page=3)),
        lambda _backend, stores, it: stores.syncs.scans(it.id),
    ),
    "payroll": (
        lambda stores, it: stores.payroll.save(it.id, [make_employee()]),
        lambda _backend, stores, it: stores.payroll.todo(it.id, Lane.FRESH, 10),
    ),
    "a budget": (
        lambda stores, _: stores.budget.save(TENANT, Budget.unknown().reserved(5, stores.now), app_calls=5),
        lambda _backend, stores, _: stores.budget.get_for_update(TENANT),
    ),
    "an event seen": (
        lambda stores, _: stores.inbox.complete(HEADER, "done"),
        lambda backend, _stores, _: backend.outcome(HEADER.id),
    ),
    "an event to send": (
        lambda stores, _: stores.outbox.add(EVENT),
        lambda _backend, stores, _: [one.data for one in stores.outbox.claim(10)],
    ),
    "a failure": (
        lambda stores, it: stores.failures.record(make_failure(connection_id=it.id)),
        lambda backend, _stores, _: backend.failures(),
    ),
    "a certificate": (
        lambda stores, it: stores.certificates.issue(_certificate(stores, it)),
        lambda backend, _stores, _: backend.certificates(),
    ),
}


def _certificate(stores: Stores, connection: Connection) -> Certificate:
    return Certificate(
        clinic_id=CLINIC,
        connection_id=connection.id,
        erased=Erased.PAYROLL,
        at=stores.now,
        rows={"payslip": 2},
    )


@pytest.fixture(scope="module")
def logins() -> None:
    """One login for everything: what a transaction is, is here shown by writes that no single role makes."""


@pytest.fixture
def connection(backend: Backend) -> Connection:
    connection = connected(backend.transaction)
    credential = live(backend.transaction, connection)
    with backend.transaction(CLINIC) as stores:
        stores.credentials.retire(credential, stores.now)
        assert stores.inbox.begin(HEADER, make_request().type)
    return connection


def seen(backend: Backend, connection: Connection, look: Look) -> object:
    """What another transaction sees, leaving no trace of looking."""
    found: list[object] = []

    def look_and_undo() -> None:
        with backend.transaction(CLINIC) as stores:
            found.append(look(backend, stores, connection))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        look_and_undo()
    return found[0]


@pytest.mark.parametrize(("write", "look"), WRITES.values(), ids=WRITES)
def test_what_was_written_is_there_after_a_clean_end(
    backend: Backend, connection: Connection, write: Write, look: Look
) -> None:
    before = seen(backend, connection, look)
    with backend.transaction(CLINIC) as stores:
        write(stores, connection)
    assert seen(backend, connection, look) != before


@pytest.mark.parametrize("error", [XeroUnavailable("away"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize(("write", "look"), WRITES.values(), ids=WRITES)
def test_what_was_written_never_was_after_any_exception(
    backend: Backend, connection: Connection, write: Write, look: Look, error: BaseException
) -> None:
    def write_and_fail() -> None:
        with backend.transaction(CLINIC) as stores:
            write(stores, connection)
            raise error

    before = seen(backend, connection, look)
    with pytest.raises(type(error)):
        write_and_fail()
    assert seen(backend, connection, look) == before


def test_its_time_is_the_databases_in_utc_and_moves_on_between_transactions(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        first = stores.now
    backend.pass_time(timedelta(0))
    with backend.transaction(None) as stores:
        assert stores.now.tzinfo is UTC
        assert stores.now >= first


def test_a_conflict_leaves_as_an_error_of_the_domain_and_undoes_everything(transaction: Transaction) -> None:
    def add_a_second() -> None:
        with transaction(CLINIC) as stores:
            stores.outbox.add(EVENT)
            stores.connections.add(CLINIC)

    connected(transaction)
    with pytest.raises(StorageConflict):
        add_a_second()
    with transaction(None) as stores:
        assert stores.outbox.claim(10) == []


def test_an_error_of_the_domain_passes_through_unchanged(transaction: Transaction) -> None:
    raised = XeroUnavailable("away", status=503)
    with pytest.raises(ServiceError) as caught, transaction(CLINIC):
        raise raised
    assert caught.value is raised
