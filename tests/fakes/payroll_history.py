"""What saves mean for the past, in memory: versions of employees, what ties out, what was corrected."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from domain.model.ids import ConnectionId, SourceId
from domain.model.payroll import Totals
from fakes.payroll_rows import PayrollRows, Row

TOTALS = tuple(field.name for field in fields(Totals))
VERSIONED = (
    "status",
    "job_title",
    "employment_basis",
    "employee_group",
    "calendar_id",
    "pay_basis",
    "annual_salary",
    "hours_per_week",
    "rate_per_unit",
)


class PayrollHistory:
    """See `adapters.postgres.payroll.history`."""

    def __init__(self, rows: PayrollRows, connection_id: ConnectionId) -> None:
        self._rows = rows
        self._connection_id = connection_id

    def note_version(self, employee: SourceId) -> None:
        row = self._rows.of("employee", self._connection_id).get((employee,))
        if row is None:
            return
        terms = {name: row.values.get(name) for name in VERSIONED}
        versions = self._rows.of("employee_version", self._connection_id)
        mine = [(key, version) for key, version in versions.items() if key[0] == employee]
        if mine and {name: mine[-1][1].values[name] for name in VERSIONED} == terms:
            return
        now = self._rows.clock()
        for key, version in mine:
            if version.values["valid_to"] is None:
                self._keep("employee_version", key, {**version.values, "valid_to": now})
        start = row.values["start_date"]
        begins = now if mine or start is None or start > now.date() else _midnight(start)
        key = (employee, begins.isoformat())
        self._keep("employee_version", key, {**terms, "valid_from": begins, "valid_to": None})

    def tie_out(self, run: SourceId) -> dict[SourceId, bool]:
        row = self._rows.of("pay_run", self._connection_id).get((run,))
        if row is None:
            return {}
        sums_tie = all(
            row.values[name] is None or _cents(row.values[name]) == _cents(self._sum(run, name))
            for name in TOTALS
        )
        ties_out = sums_tie if row.is_there else None
        if row.values.get("ties_out") is ties_out:
            return {}
        self._keep("pay_run", (run,), {**row.values, "ties_out": ties_out})
        return {run: ties_out} if ties_out is not None else {}

    def compare_anew(self, run: SourceId) -> None:
        row = self._rows.of("pay_run", self._connection_id)[run,]
        if row.values.get("ties_out"):
            self._keep("pay_run", (run,), {**row.values, "ties_out": None})

    def _sum(self, run: SourceId, name: str) -> Decimal:
        slips = [slip for _, slip in self._slips(run) if slip.is_there]
        return sum((slip.values[name] or Decimal() for slip in slips), Decimal())

    def note_corrections(self, run: SourceId) -> None:
        row = self._rows.of("pay_run", self._connection_id).get((run,))
        if row is None:
            return
        is_whole = row.values["status"] == "posted" and row.values.get("ties_out")
        if row.is_there and not is_whole:
            return
        for key, slip in self._slips(run):
            is_there = slip.is_there and row.is_there
            new = {name: slip.values[name] for name in TOTALS} if is_there else {}
            old: dict[str, Any] = slip.values.get("posted") or {}
            for name in TOTALS if old else ():
                if old.get(name) != new.get(name):
                    where = (key[0], self._rows.clock().isoformat(), name)
                    amounts = {"field": name, "old_amount": old.get(name), "new_amount": new.get(name)}
                    self._keep("correction", where, {"pay_run_id": run, **amounts})
            self._keep("payslip", key, {**slip.values, "posted": new})

    def _slips(self, run: SourceId) -> list[tuple[tuple[str, ...], Row]]:
        slips = self._rows.of("payslip", self._connection_id).items()
        return [(key, slip) for key, slip in slips if slip.values["pay_run_id"] == run]

    def _keep(self, table: str, key: tuple[str, ...], values: dict[str, Any]) -> None:
        """Write without touching the row's stamps."""
        place = (table, self._connection_id, key)
        old = self._rows.rows.get(place)
        row = Row(values=values, changed_at=self._rows.clock())
        self._rows.rows[place] = replace(old, values=values) if old is not None else row


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
