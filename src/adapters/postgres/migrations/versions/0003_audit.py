"""Who opened a token set, and why; which consents are in use; when events happened."""

from adapters.postgres.migrations.statements import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run("0003_audit.sql")
