"""A database with a row of each of two clinics in every table, and a way to act as any role."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy import ARRAY, Column, Text

from adapters.postgres.tables import metadata
from services.databases import libpq_url

Connection = psycopg.Connection[TupleRow]
NEXT_IDS = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1000)
  FROM pg_sequences WHERE schemaname = 'allie_xero'
"""
"""Ids that were given by hand are not given again."""

CLINICS = {"clinic-1": 1, "clinic-2": 2}


class Acting:
    """A transaction under a role; what it does is undone."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def name(self, clinic: str) -> None:
        """Name the clinic, for this transaction."""
        self.connection.execute("SELECT set_config('allie_xero.clinic_id', %s, true)", [clinic])

    def ask(self, query: str) -> list[TupleRow]:
        """The rows of an answer."""
        return self.connection.execute(query.encode()).fetchall()

    def try_(self, statement: str) -> str | None:
        """The SQLSTATE that a statement ends with; None if it goes well. It is undone either way."""
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(statement.encode())
        except psycopg.Error as error:
            return error.sqlstate
        return None


Act = Callable[[str], AbstractContextManager[Acting]]


@pytest.fixture(scope="module")
def administrator(module_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(libpq_url(module_database_url), autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            for clinic, number in CLINICS.items():
                for table in metadata.sorted_tables:
                    _insert(connection, table.fullname, list(table.c), clinic, number)
            connection.execute(NEXT_IDS.encode())
        yield connection


@pytest.fixture
def acting(administrator: Connection) -> Act:
    """Act as the role of that short name."""

    @contextmanager
    def acts(role: str) -> Iterator[Acting]:
        with administrator.transaction(force_rollback=True):
            administrator.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"allie_xero_{role}")))
            yield Acting(administrator)

    return acts


def _insert(
    connection: Connection, table: str, columns: Sequence[Column[Any]], clinic: str, number: int
) -> None:
    values = {one.name: _value(one, clinic, number) for one in columns}
    given = {name: value for name, value in values.items() if value is not None}
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT DO NOTHING").format(
            sql.SQL(table),
            sql.SQL(", ").join(sql.Identifier(name) for name in given),
            sql.SQL(", ").join(sql.Literal(value) for value in given.values()),
        )
    )


def _value(column: Column[Any], clinic: str, number: int) -> object:
    """Rows that join: a clinic's connection has its number, and every other text is the same."""
    special = {
        "clinic_id": clinic,
        "state": "live",
        "event_id": f"event-{number}",
        "tenant_id": f"tenant-{number}",
    }
    if column.name in special:
        return special[column.name]
    if isinstance(column.type, Text):
        return "x"
    if column.name in {"id", "connection_id", "failure_id", "replay_id"}:
        return number
    if column.nullable or column.server_default is not None:
        return None
    if isinstance(column.type, ARRAY):
        return "{}"
    name = type(column.type).__name__.upper()
    plain = {
        "JSONB": "{}",
        "DATETIME": "2026-01-01",
        "DATE": "2026-01-01",
        "LARGEBINARY": "x",
        "BOOLEAN": True,
    }
    return plain.get(name, 1)
