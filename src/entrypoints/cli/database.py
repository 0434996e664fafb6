"""The database's schema, and who may do what in it."""

import os

import typer

from entrypoints.cli.output import complain, console
from entrypoints.settings import database_url

app = typer.Typer(help="The database's schema, and who may do what in it.", no_args_is_help=True)


@app.command()
def migrate() -> None:
    """
    Bring the database to the schema that this version needs; safe to run again, and by several at once.

    Example: DATABASE_URL=postgresql://… allie-xero db migrate
    """
    from adapters.postgres.access import CannotMigrate  # noqa: PLC0415 -- Alembic is slow to load
    from adapters.postgres.migrate import migrate as run  # noqa: PLC0415 -- Alembic is slow to load

    try:
        run(database_url(os.environ))
    except CannotMigrate as error:
        complain(str(error))
        raise typer.Exit(1) from None
    console.print("The database is up to date.")


@app.command()
def roles() -> None:
    """
    Print the SQL with which an administrator makes the service's roles; see docs/database-roles.md.

    Example: allie-xero db roles | psql --dbname allie
    """
    from adapters.postgres.access import roles_sql  # noqa: PLC0415 -- Alembic is slow to load

    typer.echo(roles_sql(), nl=False)
