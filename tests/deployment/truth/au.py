"""Australia's truth as the views should show it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from deployment.truth.facts import Fact, Facts, Positions, Region, amount, day, names

SECTIONS = {
    "earnings": "earnings",
    "leave": "leave_earnings",
    "timesheet": "timesheet_earnings",
    "deduction": "deduction",
    "accrual": "leave_accrual",
    "reimbursement": "reimbursement",
    "pension": "employer_pension",
    "employee_tax": "employee_tax",
}
CONTRIBUTIONS = {
    "employer": "sgc",
    "salary_sacrifice": "salarysacrifice",
    "additional": "employeradditional",
    "employee": "employee",
}
BASES = {"full_time": "fulltime", "part_time": "parttime", "casual": "casual"}


class Australia:
    """See `Region`."""

    @property
    def item_kinds(self) -> dict[str, str]:
        return {kind: kind for kind in ("earnings", "deduction", "leave", "reimbursement")}

    @property
    def leave_units(self) -> tuple[Any, ...]:
        return (None, None, None)

    def settings(self, one: dict[str, Any]) -> tuple[Any, ...]:
        tracking = [one["employee_groups"], one["timesheet_categories"]]
        return (one["days_in_payroll_year"], names(one["accounts"]), names(tracking))

    def employee(self, one: dict[str, Any]) -> tuple[Any, ...]:
        salaried = one["pay_basis"] == "salary"
        return (
            one["first_name"],
            one["last_name"],
            one["email"],
            one["status"],
            day(one["start_date"]),
            day(one["end_date"]),
            one["end_reason"],
            one["calendar_id"],
            one["ordinary_rate_id"],
            one["job_title"],
            one["classification"],
            one["group"],
            BASES[one["basis"]],
            amount(one["annual_salary"]) if salaried else None,
            amount(one["hours_per_week"]) if salaried else None,
            None if salaried else amount(one["hourly_rate"]),
        )

    def totals(self, totals: dict[str, Any]) -> tuple[Any, ...]:
        return (
            amount(totals["earnings"]),
            amount(totals["deductions"]),
            amount(totals["employee_tax"]),
            None,
            amount(totals["pension"]),
            None,
            amount(totals["reimbursements"]),
            amount(totals["net"]),
        )

    def group(self, slip: dict[str, Any], /) -> str | None:
        group: str | None = slip["group"]
        return group

    def lines(self, slip: dict[str, Any]) -> list[Fact]:
        positions, found = Positions({}), []
        for line in slip["lines"]:
            kind = SECTIONS[line["section"]]
            fact = (
                None if kind in ("employer_pension", "employee_tax") else line["item_id"],
                _line_type(kind, line),
                amount(line["units"]),
                None if kind == "leave_accrual" else amount(line["amount"]),
            )
            found.append(((slip["id"], kind, positions.next(kind)), fact))
        return found

    def sheet_status(self, status: str) -> str:
        return status

    def shows_leave(self, one: dict[str, Any]) -> bool:
        return any(period["status"] in ("scheduled", "processed") for period in one["periods"])

    def leave_status(self, status: str) -> str:
        return status


def _line_type(kind: str, line: dict[str, Any]) -> str | None:
    if kind == "deduction":
        return "fixedamount"
    return CONTRIBUTIONS[line["kind"]] if kind == "employer_pension" else None


def hours(sheets: list[dict[str, Any]]) -> Facts:
    """Hours by day, rate and place; alike everywhere."""
    found: Facts = {}
    for sheet in sheets:
        start = date.fromisoformat(sheet["start_date"])
        for line in sheet["lines"]:
            for offset, units in enumerate(line["hours"]):
                place = (sheet["id"], start + timedelta(days=offset))
                if Decimal(units):
                    what = (line["earnings_rate_id"], line["tracking_item_id"])
                    found[place + what] = (amount(units),)
    return found


AU: Region = Australia()
