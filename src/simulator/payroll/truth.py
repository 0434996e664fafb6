"""The ground truth of one organisation, for tests to compare with: plain values, ready for JSON."""

from collections.abc import Callable
from typing import Any

from simulator.payroll.absences import balances
from simulator.payroll.clinic import Clinic
from simulator.payroll.pay import PayRun

PARTS = (
    "organisation",
    "users",
    "settings",
    "calendars",
    "pay_items",
    "employees",
    "pay_runs",
    "timesheets",
    "leave",
    "leave_balances",
    "private",
)


def truth(clinic: Clinic, parts: tuple[str, ...] = PARTS, *, payslips: bool = True) -> dict[str, Any]:
    """The parts asked for; `private` holds what a copy must never contain."""
    builders: dict[str, Callable[[], Any]] = {
        "organisation": lambda: clinic.organisation,
        "users": lambda: list(clinic.members.values()),
        "settings": lambda: clinic.settings,
        "calendars": lambda: list(clinic.calendars.values()),
        "pay_items": lambda: list(clinic.catalogue.items.values()),
        "employees": lambda: [
            {**_fields(employee), "status": employee.status} for employee in clinic.employees.values()
        ],
        "pay_runs": lambda: [_run(clinic, run, payslips=payslips) for run in clinic.runs.values()],
        "timesheets": lambda: [
            {**_fields(sheet), "total_hours": sheet.total_hours} for sheet in clinic.timesheets.values()
        ],
        "leave": lambda: list(clinic.leave.values()),
        "leave_balances": lambda: [
            left for employee in clinic.employees.values() for left in balances(clinic, employee)
        ],
        "private": lambda: {
            "organisation": clinic.secrets,
            "employees": list(clinic.private.values()),
        },
    }
    return {"version": clinic.version, **{part: builders[part]() for part in parts}}


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _run(clinic: Clinic, run: PayRun, *, payslips: bool) -> dict[str, Any]:
    left_out = {"entries", "totals"}
    row = {name: value for name, value in _fields(run).items() if name not in left_out}
    row["totals"] = clinic.totals(run)
    if payslips:
        row["payslips"] = clinic.payslips(run)
    return row
