"""What the main platform reads."""

from adapters.postgres.migrations.statements import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run("0002_views.sql")
