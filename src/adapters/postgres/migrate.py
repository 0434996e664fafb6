"""Bring a database to the schema that this version needs."""

import time
from collections.abc import Callable

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from adapters.postgres.access import apply_grants, become_owner
from adapters.postgres.engine import open_engine
from adapters.postgres.errors import translated
from adapters.postgres.tables import SCHEMA

LOCK = 7_241_903_551
"""An arbitrary number: PostgreSQL's advisory lock that lets one migration run at a time."""

IN_USE = (LockNotAvailable, DeadlockDetected)

PAUSE_S = 3.0
"""Between tries to lock a table, so that those who use it get on with it meanwhile."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "adapters.postgres:migrations")
    return config


def migrate(url: str) -> None:
    """
    Migrate the database at `url` to the newest version; does nothing where it is there already.

    Safe to run from several places at once. Raises CannotMigrate where an administrator has to go first, and
    StorageUnavailable where there is no database.
    """
    engine = open_engine(url, pool_size=1, application_name="allie-xero migrate")
    try:
        with _connected(engine) as connection:
            _migrate(connection)
    finally:
        engine.dispose()  # ends the session, and with it the lock


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        raise translated(error) from None


def _migrate(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = 0; SET lock_timeout = '2min'"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    become_owner(connection)
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    connection.execute(text("SET lock_timeout = '1s'"))
    connection.commit()
    for step in (_upgrade, _grant):
        while not _could(connection, step):
            time.sleep(PAUSE_S)


def _could(connection: Connection, step: Callable[[Connection], None]) -> bool:
    """
    Take a step; False where a table was in use.

    Whoever waits for a table's strongest lock makes all others wait behind him, for as long as one long
    report is reading. So nobody waits here for more than a second: the step is undone and tried again.
    """
    try:
        step(connection)
        connection.commit()
    except (OperationalError, psycopg.OperationalError) as error:
        connection.rollback()
        if not isinstance(getattr(error, "orig", error), IN_USE):
            raise
        return False
    return True


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _grant(connection: Connection) -> None:
    apply_grants(connection, versions(connection)[0])


def versions(connection: Connection) -> tuple[str | None, str | None]:
    """The database's version and the newest that this code knows."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision(), ScriptDirectory.from_config(_config()).get_current_head()
