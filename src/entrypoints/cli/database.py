"""The database's schema."""

import os

import typer

from entrypoints.cli.output import console
from entrypoints.settings import database_url

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `migrate` a subcommand."""


@app.command()
def migrate() -> None:
    """
    Bring the database to the schema that this version needs; safe to run again, and by several at once.

    Example: DATABASE_URL=postgresql://… allie-xero db migrate
    """
    from adapters.postgres.migrate import migrate as run  # noqa: PLC0415 -- Alembic is slow to load

    run(database_url(os.environ))
    console.print("The database is up to date.")
