"""The database hangs, is locked, or is full: it ends in time, as a known error, and nothing leaks."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine, text

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner
from adapters.postgres.engine import open_engine, pool_use
from adapters.postgres.migrate import migrate
from adapters.postgres.transaction import PostgresStores, Storage, postgres_transaction
from deployment.clinic import rows
from deployment.passing import Passing
from deployment.service import in_process
from deployment.truth import differences
from domain.errors import StorageUnavailable
from domain.model.ids import ClinicId
from entrypoints.local.postgres import PrivatePostgres
from services.databases import libpq_url
from services.disks import no_room_for
from services.logins import new_login
from simulator.server import running

LIMITS = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
IDLE = " current_setting('idle_in_transaction_session_timeout')"

FAILURES = "SELECT state, error, place, attempts FROM allie_xero.failure WHERE state <> 'resolved'"
LINES = "SELECT count(*) FROM allie_xero.pay_line"
BACKED_OFF = "SELECT attempts FROM allie_xero.sync_state WHERE due_at > clock_timestamp()"
DONE = "SELECT count(*) FROM allie_xero.payslip WHERE NOT stale"
SAID = "SELECT type, data ->> 'mode' FROM allie_xero.outbox WHERE type LIKE ANY (%s)"
ENDS = ["%.connection-changed.v1", "%.sync-finished.v1"]
SAID_ONCE = [
    ("allie.xero.connection-changed.v1", None),
    ("allie.xero.sync-finished.v1", "backfill"),
    ("allie.xero.sync-finished.v1", "changes"),
]
MET = ("allie_xero_db_errors_total", {"kind": "full"})


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, pool_size=2)
    yield engine
    engine.dispose()


@contextmanager
def begun(engine: Engine) -> Iterator[PostgresStores]:
    keys = JsonKeyRing.from_text(json.dumps(new_document()))
    signer = CertificateSigner(keys.signing_id, keys.signing)
    storage = Storage(engine=engine, cipher=EnvelopeCipher(keys, "test"), signer=signer)
    with postgres_transaction(storage)(ClinicId("clinic-1")) as stores:
        assert isinstance(stores, PostgresStores)
        yield stores


def test_every_transaction_is_bounded(engine: Engine) -> None:
    with begun(engine) as stores:
        assert stores.session.execute(text(LIMITS + IDLE)).one() == ("15s", "5s", "30s")


def hang(stores: PostgresStores) -> None:
    stores.session.execute(text("SET LOCAL statement_timeout = '200ms'"))
    stores.session.execute(text("SELECT pg_sleep(20)"))


def idle(stores: PostgresStores) -> None:
    stores.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
    time.sleep(0.6)
    stores.session.execute(text("SELECT 1"))


def killed(stores: PostgresStores) -> None:
    pid = stores.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    url = stores.session.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    rows(url, "SELECT pg_terminate_backend(%s)", pid)
    stores.session.execute(text("SELECT 1"))


@pytest.mark.parametrize("trouble", [hang, idle, killed])
def test_what_ends_a_transaction_is_a_known_error_and_leaks_no_connection(
    trouble: Callable[[PostgresStores], None], engine: Engine
) -> None:
    for _ in range(4):
        with pytest.raises(StorageUnavailable), begun(engine) as stores:
            trouble(stores)
    with begun(engine) as stores:
        assert stores.session.execute(text("SELECT 1")).scalar_one() == 1
    assert pool_use(engine)[1] == 0


def test_a_lock_that_somebody_holds_is_waited_for_five_seconds(engine: Engine, database_url: str) -> None:
    with psycopg.connect(libpq_url(database_url)) as other:
        other.execute("LOCK TABLE allie_xero.connection")
        began = time.monotonic()
        with pytest.raises(StorageUnavailable), begun(engine) as stores:
            stores.connections.open_for(ClinicId("clinic-1"))
        assert 4.5 < time.monotonic() - began < 14
    assert pool_use(engine)[1] == 0
    with begun(engine) as stores:
        assert stores.connections.open_for(ClinicId("clinic-1")) is None


def test_a_server_without_a_free_connection_is_a_known_error(database_url: str) -> None:
    with new_login(database_url, "worker", also="CONNECTION LIMIT 1") as url:
        engine = open_engine(url, pool_size=2)
        with begun(engine), pytest.raises(StorageUnavailable), begun(engine):
            pass
        with begun(engine) as stores:
            assert stores.session.execute(text("SELECT 1")).scalar_one() == 1
        assert pool_use(engine)[1] == 0
        engine.dispose()


@pytest.mark.parametrize(
    ("tables", "noted"),
    [
        (["pay_line"], [("retrying", "StorageFull", "slice", 3)]),
        (["pay_line", "failure"], []),
    ],
    ids=["of what came", "of the note of it either"],
)
def test_a_slice_that_finds_no_room_saves_no_half_of_its_batch_and_goes_on_by_itself(
    tables: list[str], noted: list[tuple[str, str, str, int]]
) -> None:
    with PrivatePostgres() as server, running(limits=False) as xero:
        migrate(server.url)
        made = xero.control.create_exact_organisation(staff=3, runs=2)
        time = Passing(server.url, xero.control)
        with in_process(server.url, xero.url) as service:
            with no_room_for(server, *(f"allie_xero.{table}" for table in tables)):
                service.connect(xero.control, made)
                for failed in range(1, 4):
                    service.work()
                    assert rows(server.url, BACKED_OFF) == [(failed,)]
                    time.pass_time((time.wait() or timedelta()) + timedelta(seconds=1))
                assert rows(server.url, FAILURES) == noted
                assert rows(server.url, DONE) == rows(server.url, LINES) == [(0,)]
                assert service.metrics.registry.get_sample_value(*MET) == 3 * len(tables)
            time.settle(service)
        assert differences(xero.control.truth(made.tenant_id), server.url, service.clinic) == []
        assert rows(server.url, FAILURES) == []
        assert sorted(rows(server.url, SAID, ENDS)) == SAID_ONCE
