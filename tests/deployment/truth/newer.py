"""New Zealand's and the United Kingdom's truth as the views should show it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from deployment.truth.facts import Fact, Positions, Region, amount, day, names

TAXES = ("employee_tax", "employer_tax")
LEAVE = {"scheduled": "approved", "processed": "completed"}


@dataclass(frozen=True)
class Newer:
    """See `Region`."""

    item_kinds: dict[str, str]
    sections: dict[str, str]
    bases: dict[str, str]
    sheets: dict[str, str]
    has_job_title: bool
    zone: str
    leave_units: tuple[Any, ...] = (None, None, None)

    def settings(self, one: dict[str, Any]) -> tuple[Any, ...]:
        tracking = [one["employee_groups"], one["timesheet_categories"]]
        return (None, names(one["accounts"]), names(tracking, told=False))

    def employee(self, one: dict[str, Any]) -> tuple[Any, ...]:
        salaried = one["pay_basis"] == "salary"
        return (
            one["first_name"],
            one["last_name"],
            one["email"],
            _status(day(one["end_date"]), self.zone),
            day(one["start_date"]),
            day(one["end_date"]),
            None,
            one["calendar_id"],
            None,
            one["job_title"] if self.has_job_title else None,
            None,
            None,
            self.bases[one["basis"]],
            amount(one["annual_salary"]) if salaried else None,
            amount(one["hours_per_week"]),
            None if salaried else amount(one["hourly_rate"]),
        )

    def totals(self, totals: dict[str, Any]) -> tuple[Any, ...]:
        net, reimbursements = amount(totals["net"]), amount(totals["reimbursements"])
        assert net is not None
        assert reimbursements is not None
        return (
            amount(totals["earnings"]),
            amount(totals["deductions"]),
            amount(totals["employee_tax"]),
            amount(totals["statutory"]),
            amount(totals["pension"]),
            amount(totals["employer_tax"]),
            reimbursements,
            net + reimbursements,
        )

    def group(self, _slip: dict[str, Any], /) -> str | None:
        return None

    def lines(self, slip: dict[str, Any]) -> list[Fact]:
        positions, found = Positions({}), []
        for line in slip["lines"]:
            kind = self.sections[line["section"]]
            position = positions.next(kind)
            fact = (
                None if kind in TAXES else line["item_id"],
                str(position + 1) if kind in TAXES else None,
                amount(line["units"]),
                None if kind == "leave_accrual" else amount(line["amount"]),
            )
            found.append(((slip["id"], kind, position), fact))
        return found

    def sheet_status(self, status: str) -> str:
        return self.sheets[status]

    def shows_leave(self, one: dict[str, Any]) -> bool:
        return all(period["status"] in LEAVE for period in one["periods"])

    def leave_status(self, status: str) -> str:
        return LEAVE[status]


def _status(end_date: date | None, zone: str) -> str:
    """Neither country has a status: whoever's last day is over there has left."""
    today = datetime.now(ZoneInfo(zone)).date()
    return "terminated" if end_date is not None and end_date < today else "active"


ITEMS = {kind: kind for kind in ("earnings", "deduction", "leave", "reimbursement")}
SECTIONS = {
    "earnings": "earnings",
    "leave": "leave_earnings",
    "timesheet": "timesheet_earnings",
    "deduction": "deduction",
    "accrual": "leave_accrual",
    "reimbursement": "reimbursement",
    "pension": "employer_pension",
    "employee_tax": "employee_tax",
    "employer_tax": "employer_tax",
}
SHEETS = {"draft": "draft", "rejected": "draft", "approved": "approved", "processed": "completed"}

NZ: Region = Newer(
    item_kinds={**ITEMS, "benefit": "superannuation", "statutory": "statutory_deduction"},
    sections={**SECTIONS, "statutory": "statutory_deduction"},
    bases={"full_time": "permanent", "part_time": "permanent", "casual": "casual"},
    sheets={**SHEETS, "requested": "requested"},
    has_job_title=True,
    zone="Pacific/Auckland",
    leave_units=("hours", amount("0.2"), "weeks"),
)

UK: Region = Newer(
    item_kinds={**ITEMS, "benefit": "benefit", "statutory": "earnings_order"},
    sections={**SECTIONS, "statutory": "court_order"},
    bases={"full_time": "fulltime", "part_time": "parttime", "casual": "zerohour"},
    sheets={**SHEETS, "requested": "draft"},
    has_job_title=False,
    zone="Europe/London",
)
