"""The tables of the service and of the payroll."""

from adapters.postgres.migrations.statements import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run("0001_tables.sql")
