"""Let time pass by the database's clock: every instant that our own clock made becomes older."""

from datetime import timedelta

from sqlalchemy import Connection as Session
from sqlalchemy import DateTime, text

from adapters.postgres.payroll.tables import PAYROLL_TABLES
from adapters.postgres.tables import metadata

XEROS_CLOCK = {"watermark", "since", "mark"}
"""Instants that Xero's clock made, which do not age with ours."""

REST_TRIGGERS = text("SET LOCAL session_replication_role = replica")
"""Some tables refuse to be changed; not so for tests."""

SERVICE_TABLES = [one for one in metadata.sorted_tables if one not in PAYROLL_TABLES]


def age(session: Session, by: timedelta) -> None:
    """Make every row of the service's own tables older."""
    session.execute(REST_TRIGGERS)
    for table in SERVICE_TABLES:
        instants = [one.name for one in table.c if isinstance(one.type, DateTime)]
        aged = [f"{one} = {one} - CAST(:by AS interval)" for one in instants if one not in XEROS_CLOCK]
        if aged:
            session.execute(text(f"UPDATE {table.fullname} SET {', '.join(aged)}"), {"by": by})
