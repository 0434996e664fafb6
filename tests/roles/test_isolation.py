"""One clinic's rows at a time: whoever forgets to name a clinic, or names another, gets nothing of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import text

from adapters.postgres.engine import open_engine
from adapters.postgres.errors import StorageBug
from adapters.postgres.tables import metadata
from adapters.postgres.transaction import PostgresStores, Storage, postgres_transaction
from domain.model.ids import ClinicId
from domain.ports import Transaction
from roles.conftest import CLINICS, Act, Acting, Connection
from roles.decisions import NAMES_NO_CLINIC, rights
from roles.test_rights import DENIED, TABLES, VIEWS
from services.databases import libpq_url
from services.logins import new_login
from services.needs import leave_out
from services.pgbouncer import PrivatePgbouncer, find_pgbouncer

MINE, OTHER = CLINICS
GUARDED = sorted(one.name for one in metadata.sorted_tables if "clinic_id" in one.c)
NAMED = "SELECT coalesce(current_setting('allie_xero.clinic_id', true), '')"


def clinics_in(actor: Acting, table: str, schema: str = "allie_xero") -> set[str]:
    return {clinic for (clinic,) in actor.ask(f"SELECT DISTINCT clinic_id FROM {schema}.{table}")}


def selectable(role: str) -> list[str]:
    return [table for table in GUARDED if rights(role, table).allow("S", "clinic_id")]


def changeable(role: str, letter: str) -> list[str]:
    return [table for table in GUARDED if rights(role, table).allow(letter, "clinic_id")]


def test_every_table_that_names_a_clinic_is_guarded_and_no_other(administrator: Connection) -> None:
    query = """SELECT relname FROM pg_class WHERE relnamespace = 'allie_xero'::regnamespace
                  AND relkind IN ('r', 'p') AND relrowsecurity AND relforcerowsecurity"""
    guarded = {name for (name,) in administrator.execute(query)}
    assert guarded == set(GUARDED)
    assert {name for (name,) in administrator.execute(TABLES)} - guarded == NAMES_NO_CLINIC


@pytest.mark.parametrize("table", GUARDED)
def test_there_is_something_of_both_clinics_to_see(administrator: Connection, table: str) -> None:
    assert clinics_in(Acting(administrator), table) == {MINE, OTHER}


def test_a_worker_sees_the_clinic_that_it_names(acting: Act) -> None:
    for named, seen in ((None, set()), (MINE, {MINE}), ("nobody", set()), ("*", set())):
        with acting("worker") as actor:
            if named:
                actor.name(named)
            assert {table: clinics_in(actor, table) for table in selectable("worker")} == dict.fromkeys(
                selectable("worker"), seen
            )


@pytest.mark.parametrize("role", ["dispatcher", "operator"])
def test_a_dispatcher_and_an_operator_see_the_state_of_every_clinic(acting: Act, role: str) -> None:
    with acting(role) as actor:
        assert {table: clinics_in(actor, table) for table in selectable(role)} == dict.fromkeys(
            selectable(role), frozenset(CLINICS)
        )


@pytest.mark.parametrize("role", ["owner", "migrator"])
def test_the_owner_sees_what_its_functions_answer_from_and_no_payroll(acting: Act, role: str) -> None:
    with acting(role) as actor:
        seen = {table for table in GUARDED if clinics_in(actor, table)}
    assert seen == {"connection", "credential"}


@pytest.mark.parametrize(
    ("role", "named", "seen"),
    [
        ("reader", None, set()),
        ("reader", MINE, {MINE}),
        ("reader", "*", set()),
        ("fleet_reader", None, {MINE, OTHER}),
    ],
)
def test_views_show_a_reader_its_clinic_and_a_fleet_reader_all(
    administrator: Connection, acting: Act, role: str, named: str | None, seen: set[str]
) -> None:
    views = [view for (view,) in administrator.execute(VIEWS)]
    for view in views:
        assert clinics_in(Acting(administrator), view, "allie_xero_read") == {MINE, OTHER}, view
    with acting(role) as actor:
        if named:
            actor.name(named)
        assert {view: clinics_in(actor, view, "allie_xero_read") for view in views} == dict.fromkeys(
            views, seen
        )


def test_no_row_of_another_clinic_is_changed_deleted_or_made(acting: Act) -> None:
    role = "worker"
    with acting(role) as actor:
        actor.name(MINE)
        for table in changeable(role, "U"):
            theirs = f"UPDATE allie_xero.{table} SET clinic_id = clinic_id WHERE clinic_id = '{OTHER}'"
            assert actor.connection.execute(theirs.encode()).rowcount == 0, table
            taken = f"UPDATE allie_xero.{table} SET clinic_id = '{OTHER}'"
            assert actor.try_(taken) == DENIED, table
        for table in changeable(role, "D"):
            deleted = actor.connection.execute(
                f"DELETE FROM allie_xero.{table} WHERE clinic_id = '{OTHER}'".encode()
            )
            assert deleted.rowcount == 0, table
        for table in (one for one in GUARDED if rights(role, one).allow("I")):
            made = f"INSERT INTO allie_xero.{table} (clinic_id) VALUES ('{OTHER}')"
            assert actor.try_(made) == DENIED, table


def test_a_token_set_of_another_clinic_is_not_opened_and_ones_own_is_noted(acting: Act) -> None:
    opened = "SELECT connection_id FROM allie_xero.open_credential({})"
    with acting("worker") as actor:
        actor.connection.execute("RESET ROLE")
        actor.connection.execute("UPDATE allie_xero.credential SET data_key = 'x', sealed_tokens = 'x'")
        actor.connection.execute("SET LOCAL ROLE allie_xero_worker")
        actor.name(MINE)
        assert actor.ask(opened.format(CLINICS[OTHER])) == []
        assert actor.ask(opened.format(CLINICS[MINE])) == [(CLINICS[MINE],)]
        actor.connection.execute("RESET ROLE")
        noted = actor.ask("SELECT clinic_id, action FROM allie_xero.credential_audit WHERE action <> 'x'")
    assert noted == [(MINE, "opened")]


@pytest.fixture(scope="module")
def pooled(
    administrator: Connection,  # noqa: ARG001 - made the rows
    module_database_url: str,
) -> Iterator[str]:
    """A worker's database through PgBouncer, where all clients' transactions share one server connection."""
    program = find_pgbouncer()
    if program is None:
        leave_out("no PgBouncer: install the package pgbouncer")
    with new_login(module_database_url, "worker") as login, PrivatePgbouncer(program, login) as pgbouncer:
        yield pgbouncer.url


@contextmanager
def client(url: str) -> Iterator[Transaction]:
    """The service's own transactions."""
    none = cast("Any", None)  # nothing is sealed or signed here
    engine = open_engine(url, pool_size=1)
    try:
        yield postgres_transaction(Storage(engine=engine, cipher=none, signer=none))
    finally:
        engine.dispose()


def seen(transaction: Transaction, clinic: str) -> tuple[int, list[str]]:
    """The server's process that answers, and whose employees there are."""
    with transaction(ClinicId(clinic)) as stores:
        session = cast("PostgresStores", stores).session
        server = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        return server, [row.clinic_id for row in session.execute(text(SEEN))]


SEEN = "SELECT DISTINCT clinic_id FROM allie_xero.employee"


def nameless(url: str) -> tuple[str, list[Any]]:
    """What a client that names no clinic finds on the session: the name that is left there, and rows."""
    with psycopg.connect(libpq_url(url), autocommit=True, prepare_threshold=None) as session:
        [[name]] = session.execute(NAMED).fetchall()
        return name, session.execute(SEEN).fetchall()


def test_a_clinic_does_not_leak_through_a_pooler_in_transaction_mode(pooled: str) -> None:
    with client(pooled) as transaction:
        servers = set()
        for _ in range(20):
            for clinic in (MINE, OTHER):
                server, clinics = seen(transaction, clinic)
                servers.add(server)
                assert clinics == [clinic]
                assert nameless(pooled) == ("", [])
    assert len(servers) == 1


def test_a_clinic_does_not_leak_out_of_a_transaction_that_fails(pooled: str) -> None:
    with client(pooled) as transaction:
        with pytest.raises(StorageBug), transaction(ClinicId(MINE)) as stores:
            cast("PostgresStores", stores).session.execute(text("SELECT 1 / 0"))
        assert nameless(pooled) == ("", [])


def test_clients_that_take_turns_on_one_connection_see_their_own(pooled: str) -> None:
    def work(clinic: str) -> list[tuple[int, list[str]]]:
        with client(pooled) as transaction:
            return [seen(transaction, clinic) for _ in range(100)]

    clinics = (MINE, OTHER, MINE, OTHER)
    with ThreadPoolExecutor(len(clinics)) as pool:
        found = list(pool.map(work, clinics))
    assert [{tuple(who) for _, who in rows} for rows in found] == [{(clinic,)} for clinic in clinics]
    assert len({server for rows in found for server, _ in rows}) == 1


def planned(actor: Acting, query: str) -> dict[str, Any]:
    """How PostgreSQL would answer."""
    [[found]] = actor.ask(f"EXPLAIN (FORMAT JSON) {query}")
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


FILL = """
INSERT INTO allie_xero.scan_seen (connection_id, resource, source_id, clinic_id)
SELECT 100 + number % 100, 'many', number::text, 'clinic-' || 100 + number % 100
  FROM generate_series(1, 10000) AS number
"""


def test_guarding_rows_does_not_mislead_the_planner(administrator: Connection) -> None:
    mine = "SELECT * FROM allie_xero.scan_seen WHERE connection_id = 117 AND resource = 'many'"
    with administrator.transaction(force_rollback=True):
        administrator.execute("SET LOCAL session_replication_role = replica")
        administrator.execute(FILL.encode())
        administrator.execute("ANALYZE allie_xero.scan_seen")
        actor = Acting(administrator)
        unguarded = planned(actor, mine)
        actor.name("clinic-117")
        administrator.execute("SET LOCAL ROLE allie_xero_worker")
        assert planned(actor, mine)["Plan Rows"] == pytest.approx(unguarded["Plan Rows"], rel=0.5)
        administrator.execute("SET LOCAL ROLE allie_xero_dispatcher")
        assert "Filter" not in planned(actor, "SELECT * FROM allie_xero.scan")
