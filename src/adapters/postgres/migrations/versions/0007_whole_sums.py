"""Sums over a part are not told as if they were of the whole; leave says in what it is counted."""

from adapters.postgres.migrations.statements import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run("0007_whole_sums.sql")
