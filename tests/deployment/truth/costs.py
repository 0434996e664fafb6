"""
What each payslip costs, worked out by the formulas of docs/data-model.md.

From the truth's lines alone: neither from its totals nor from what Xero calls its items, by which the views
class them.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from deployment.truth.facts import Facts, day

EARNINGS = ("earnings", "leave", "timesheet")
HOURLY = {"ordinary", "overtime", "correction"}
EMPLOYERS = {"employer", "additional"}
"""What an employer pays into a pension; Australia has salary sacrifice and the employee's own beside it."""


def costs(runs: list[dict[str, Any]]) -> Facts:
    """The view `payslip_cost`, by payslip."""
    slips = [(run, slip) for run in runs for slip in run["payslips"]]
    return {(slip["id"],): _cost(run, slip["employee_id"], slip["lines"]) for run, slip in slips}


def _cost(run: dict[str, Any], employee: str, lines: list[dict[str, Any]]) -> tuple[Any, ...]:
    def total(field: str, sections: Collection[str], kinds: Collection[str] = ()) -> Decimal:
        chosen = (one for one in lines if one["section"] in sections and (not kinds or one["kind"] in kinds))
        return sum((Decimal(one[field] or 0) for one in chosen), Decimal(0))

    earnings = total("amount", EARNINGS)
    pension = total("amount", ["pension"], EMPLOYERS)
    tax = total("amount", ["employer_tax"])
    return (
        run["id"],
        employee,
        run["status"],
        run["calendar_id"],
        day(run["period_start"]),
        day(run["period_end"]),
        day(run["payment_date"]),
        earnings,
        pension,
        tax,
        total("amount", ["reimbursement"]),
        earnings + pension + tax,
        total("units", ["earnings", "timesheet"], HOURLY),
        total("units", ["leave"]),
        False,
    )
