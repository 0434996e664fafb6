"""
Who may do what, decided once more: docs/database-roles.md as a table that the tests hold the database to.

A right is a letter (Select, Insert, Update, Delete), of certain columns where they are named.
"""

import re
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Table

from adapters.postgres.payroll.tables import PAYROLL_TABLES
from adapters.postgres.tables import metadata

CREDENTIAL = """
id connection_id clinic_id generation state tenant_id xero_connection_id consent_event user_id scopes version
key_id kek_id previous_until access_expires_at obtained_at lease_epoch lease_until intent_at cooldown_until
revoke_by work_claimed_until shredded_at
"""

DUE = """
id connection_id clinic_id generation state tenant_id version data_key kek_id obtained_at intent_at
cooldown_until revoke_by work_claimed_until
"""

# Table: worker, dispatcher, operator. The readers have no right to any table by its name.
TABLES = {
    "alembic_version": ("S", "S", "S"),
    "app_budget": ("SIU", "S", "S"),
    "certificate": ("S(id)I", "", "S"),
    "connection": ("SIUD", "SU(work_claimed_until)", "S"),
    "credential": (
        f"S({CREDENTIAL})IU",
        f"S({DUE})U(work_claimed_until data_key kek_id)",
        f"S({CREDENTIAL})",
    ),
    "credential_audit": ("S(id)I", "S(id)I", "S"),
    "failure": ("SIU", "SIUD", "SU(state until settled_at settled_by settled_why)"),
    "failure_attempt": ("I", "I", "S"),
    "inbox": ("SIU", "", "S"),
    "outage": ("SIU", "S", "S"),
    "outbox": ("S(id)I", "SU(attempts next_attempt_at sent_at)D", "S"),
    "pause": ("S", "S", "SIU(ended_at ended_by)"),
    "replay": ("S", "SU", "SIU"),
    "replay_audit": ("", "I", "SI"),
    "replay_item": ("SU", "SU", "SIU"),
    "scan": ("SIUD", "S", "S"),
    "scan_seen": ("SIUD", "", ""),
    "sync": ("SIU", "SIUD", "S"),
    "sync_state": ("SIU", "SU(due_at work_claimed_until changes_at reconcile_at)", "SU(due_at)"),
    "tenant_budget": ("SIU", "S", "S"),
    "usage": ("SIU", "", "S"),
}

FUNCTIONS = {
    "open_credential(1)": "worker",
    "consents_of('x')": "worker",
    "holder_of('x')": "worker",
}

NAMES_NO_CLINIC = {
    "alembic_version",
    "app_budget",
    "outage",
    "pause",
    "replay",
    "replay_audit",
    "tenant_budget",
}
"""What is the same for every clinic: rows of these are not guarded by the clinic's name."""

PROGRESS = {
    "employee": "status",
    "leave_application": "",
    "pay_run": "id status payment_date ties_out",
    "payslip": "pay_run_id payment_date",
    "timesheet": "period_end",
}
"""What an operator may see of the payroll: how far it is."""

VIEWS_OF_OPERATORS = {"freshness"}

WORKERS = ("worker", "dispatcher", "operator")
READERS = ("reader", "fleet_reader")


@dataclass(frozen=True)
class Rights:
    """What one role may do with one table; `None` stands for every column."""

    granted: dict[str, set[str] | None]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the notation of this module."""
        found = re.findall(r"([SIUD])(?:\(([^)]*)\))?", text)
        return cls({letter: set(columns.split()) or None for letter, columns in found})

    def allow(self, letter: str, column: str | None = None) -> bool:
        """Whether that is allowed."""
        if letter not in self.granted:
            return False
        columns = self.granted[letter]
        return columns is None or column in columns


def rights(role: str, table: str) -> Rights:
    """What has been decided. Raises KeyError for a table that nobody has thought about."""
    if role in READERS:
        return Rights({})
    payroll = next((one for one in PAYROLL_TABLES if one.name == table), None)
    decided = _payroll(payroll) if payroll is not None else TABLES[table]
    return Rights.read(decided[WORKERS.index(role)])


def _payroll(table: Table) -> tuple[str, str, str]:
    if table.name not in PROGRESS:
        return ("SIUD", "", "")
    progress = f"S(connection_id clinic_id deleted_at stale set_aside_at {PROGRESS[table.name]})"
    return ("SIUD", "", progress)


def decided_tables() -> set[str]:
    """Every table that somebody has thought about."""
    return set(TABLES) | {one.name for one in PAYROLL_TABLES if one in metadata.sorted_tables}
