"""A view's row has changed when what it is made of has, and is whole when that was compared; hours are hours."""

from adapters.postgres.migrations.statements import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run("0006_changes.sql")
