"""Once a payslip's lines are here, its cost is made of them alone."""

from adapters.postgres.migrations.statements import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run("0005_costs.sql")
