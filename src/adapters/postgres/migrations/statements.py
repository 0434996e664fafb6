"""SQL files as migrations: what a reviewer reads is what runs."""

from contextlib import closing
from importlib.resources import files

from alembic import op


def run(name: str) -> None:
    """Execute the statements of one file of `migrations/sql`, as they are: a `%` in them means itself."""
    statements = files("adapters.postgres.migrations.sql").joinpath(name).read_text()
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(statements)
