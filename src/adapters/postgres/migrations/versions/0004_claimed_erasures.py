"""An erasure that is due is claimed, as all other work is."""

from adapters.postgres.migrations.statements import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run("0004_claimed_erasures.sql")
