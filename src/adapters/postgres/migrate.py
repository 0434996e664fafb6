"""Bring a database to the schema that this version needs."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from adapters.postgres.access import apply_grants, become_owner
from adapters.postgres.engine import open_engine
from adapters.postgres.tables import SCHEMA

LOCK = 7_241_903_551
"""An arbitrary number: PostgreSQL's advisory lock that lets one migration run at a time."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "adapters.postgres:migrations")
    return config


def migrate(url: str) -> None:
    """
    Migrate the database at `url` to the newest version; does nothing where it is there already.

    Safe to run from several places at once. Raises CannotMigrate where an administrator has to go first.
    """
    engine = open_engine(url, pool_size=1, application_name="allie-xero migrate")
    try:
        with engine.connect() as connection:
            _migrate(connection)
    finally:
        engine.dispose()  # ends the session, and with it the lock


def _migrate(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = 0; SET lock_timeout = '2min'"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    become_owner(connection)
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    apply_grants(connection, versions(connection)[0])


def versions(connection: Connection) -> tuple[str | None, str | None]:
    """The database's version and the newest that this code knows."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision(), ScriptDirectory.from_config(_config()).get_current_head()
