"""SQL files as migrations: what a reviewer reads is what runs."""

from contextlib import closing
from importlib.resources import files

from alembic import op
from sqlalchemy import Connection


def run(name: str) -> None:
    """Execute the statements of one file of `migrations/sql`, in a migration."""
    execute(op.get_bind(), statements(name))


def statements(name: str) -> str:
    """The text of one file of `migrations/sql`."""
    return files("adapters.postgres.migrations.sql").joinpath(name).read_text()


def execute(connection: Connection, sql: str) -> None:
    """Execute statements as they are: a `%` in them means itself."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(sql)
