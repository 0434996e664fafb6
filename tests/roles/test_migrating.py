"""Who migrates: administrators, a managed server's login that may make roles, the migrator; nobody else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from typer.testing import CliRunner

from adapters.postgres.access import CannotMigrate, roles_sql
from adapters.postgres.migrate import migrate
from entrypoints.cli import app
from entrypoints.local.postgres import UNSAFE_BUT_FAST, PrivatePostgres, find_binaries
from entrypoints.local.service import Service
from services.databases import database_in, libpq_url, new_database
from services.logins import new_login
from services.needs import leave_out
from services.pooler import pooler

TABLES = "SELECT count(*), min(tableowner), max(tableowner) FROM pg_tables WHERE schemaname = 'allie_xero'"


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute(query.encode()).fetchall()


def do(url: str, statement: str) -> None:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def empty(postgres: Service, migrated_template: str) -> Iterator[str]:
    """A database that nothing was done to, on a server whose roles exist."""
    assert migrated_template
    with new_database(postgres.url) as url:
        yield url


@contextmanager
def own_server() -> Iterator[str]:
    """A server of which no database has ever been migrated."""
    if find_binaries() is None:
        leave_out("no PostgreSQL binaries for a server of one's own")
    with PrivatePostgres(options=UNSAFE_BUT_FAST) as server:
        yield server.libpq_url


def test_a_managed_servers_administrator_needs_no_superuser_and_one_login_can_run_everything() -> None:
    with own_server() as server, new_login(server, also="CREATEROLE") as login:
        name = urlsplit(login).username
        with new_database(server) as database:
            do(server, f'ALTER DATABASE "{database_in(database)}" OWNER TO {name}')
            theirs = urlsplit(login)._replace(path=urlsplit(database).path).geturl()
            migrate(theirs)
            do(theirs, f"GRANT allie_xero_worker, allie_xero_dispatcher, allie_xero_operator TO {name}")
            [(count, first, last)] = ask(theirs, TABLES)
            assert (first, last) == ("allie_xero_owner", "allie_xero_owner")
            assert isinstance(count, int)
            assert count > 20
            assert ask(theirs, "SELECT count(*) FROM allie_xero.connection") == [(0,)]
            do(
                database,
                f'DROP OWNED BY {name} CASCADE; ALTER DATABASE "{database_in(database)}" OWNER TO allie',
            )


def test_the_migrator_migrates_once_an_administrator_has_made_the_roles(empty: str) -> None:
    with new_login(empty, "migrator") as login:
        with pytest.raises(CannotMigrate, match="allie-xero db roles"):
            migrate(login)
        do(empty, roles_sql())
        migrate(login)
        migrate(login)
    [(_, first, last)] = ask(empty, TABLES)
    assert (first, last) == ("allie_xero_owner", "allie_xero_owner")


def test_nobody_else_migrates(empty: str) -> None:
    do(empty, roles_sql())
    everything = ("worker", "dispatcher", "operator", "reader", "fleet_reader")
    refused = pytest.raises(CannotMigrate, match="grant it allie_xero_migrator")
    with new_login(empty, *everything) as login, refused:
        migrate(login)
    assert ask(empty, TABLES) == [(0, None, None)]


def test_the_command_prints_the_sql_and_says_when_it_is_needed(empty: str) -> None:
    printed = CliRunner().invoke(app, ["db", "roles"])
    assert printed.stdout == roles_sql()
    with new_login(empty, "migrator") as login:
        refused = CliRunner().invoke(app, ["db", "migrate"], env={"DATABASE_URL": login})
    assert refused.exit_code == 1
    assert "allie-xero db roles" in refused.stderr


def test_nobody_migrates_through_a_pooler(empty: str) -> None:
    with pooler(empty) as url, pytest.raises(CannotMigrate, match="This is a pooler"):
        migrate(url)
    assert ask(empty, TABLES) == [(0, None, None)]


def test_what_was_granted_by_hand_is_gone_when_the_grants_are_applied_anew(database_url: str) -> None:
    granted = "SELECT has_table_privilege('allie_xero_operator', 'allie_xero.payslip', 'SELECT')"
    do(database_url, "GRANT SELECT ON allie_xero.payslip TO allie_xero_operator")
    migrate(database_url)
    assert ask(database_url, granted) == [(True,)]
    do(database_url, "COMMENT ON SCHEMA allie_xero IS 'schema 0001, access of another version'")
    migrate(database_url)
    assert ask(database_url, granted) == [(False,)]


APPLIED = """
SELECT version_num, obj_description('allie_xero'::regnamespace, 'pg_namespace')
  FROM allie_xero.alembic_version
"""


@pytest.mark.parametrize(
    ("table", "before"),
    [
        (
            "scan",
            """
            ALTER TABLE allie_xero.scan DROP COLUMN begun_at;
            DROP VIEW allie_xero_read.leave_period;
            ALTER TABLE allie_xero.leave_period DROP COLUMN type_of_units, DROP COLUMN units_taken,
                                                DROP COLUMN type_of_units_taken;
            UPDATE allie_xero.alembic_version SET version_num = '0006';
            """,
        ),
        ("payslip", "COMMENT ON SCHEMA allie_xero IS 'schema 0004, access of another version'"),
    ],
    ids=["a migration", "the grants alone"],
)
def test_who_migrates_waits_for_a_report_without_making_others_wait(
    database_url: str, monkeypatch: pytest.MonkeyPatch, table: str, before: str
) -> None:
    applied = ask(database_url, APPLIED)
    do(database_url, before)
    with psycopg.connect(libpq_url(database_url)) as report:
        report.execute(f"SELECT FROM allie_xero.{table}".encode())
        monkeypatch.setattr(time, "sleep", lambda _: report.close())
        migrate(database_url)
    assert ask(database_url, APPLIED) == applied
