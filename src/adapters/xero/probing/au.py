"""What is asked of payroll in Australia."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from adapters.xero import values
from adapters.xero.probing.asker import Asker, Said
from adapters.xero.probing.facts import Fact, fields_of
from adapters.xero.probing.shapes import kind_of

LISTS = ("Employees", "PayRuns", "Timesheets")
TOTALS = ("Deductions", "NetPay", "Reimbursements", "Super", "Tax", "Wages")
FEW = 10
"""A list of no more than this does not tell whether a page is a hundred records or ten."""

TAX_FILE_NUMBER = "TaxFileNumber"


def unchanged(asker: Asker) -> dict[str, str]:
    """What the lists answer where nothing has changed, for either way of writing the date."""
    later = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    forms = {"HTTP": format_datetime(later, usegmt=True), "ISO 8601": later.isoformat()}
    return {
        form: _same({_nothing(asker.payroll(name, since=text, page=1), name) for name in LISTS})
        for form, text in forms.items()
    }


def _same(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds))


def _nothing(said: Said, name: str) -> str:
    if said.status != 200:  # noqa: PLR2004
        return str(said.status)
    return "everything" if said.records(name) else "nothing"


def includes_the_second(asker: Asker) -> bool | None:
    """Whether a record is shown to who asks for changes since its very stamp."""
    stamps = [_stamp(one) for one in _employees(asker)]
    newest = max((one for one in stamps if one), default=None)
    if newest is None:
        return None
    said = asker.payroll("Employees", since=newest.replace(microsecond=0).isoformat(), page=1)
    return any(_stamp(one) == newest for one in said.records("Employees"))


def leave_since(asker: Asker) -> int:
    """The status of the newer list of leave where only changes are asked for."""
    since = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    return asker.payroll("LeaveApplications/v2", since=since, page=1).status


def page_without_number(asker: Asker) -> bool | None:
    """Whether a list without a page's number shows as much as its first page."""
    first = asker.payroll("PayRuns", page=1).records("PayRuns")
    return len(asker.payroll("PayRuns").records("PayRuns")) == len(first) if len(first) > FEW else None


def second_page_of_pay_items(asker: Asker) -> str | None:
    """What the second page of pay items holds."""
    pages = [asker.payroll("PayItems", page=page).document for page in (1, 2)]
    held = [page.get("PayItems") if isinstance(page, dict) else None for page in pages]
    if not held[0]:
        return None
    if held[0] == held[1]:
        return "the same again"
    return "other items" if held[1] and any(held[1].values()) else "nothing"


def order_of_pay_runs(asker: Asker) -> str | None:
    """How pay runs come where no order is asked for."""
    ends = [values.instant(one.get("PayRunPeriodEndDate")) for one in _pay_runs(asker)]
    known = [end for end in ends if end is not None]
    if len(set(known)) < 2:  # noqa: PLR2004
        return None
    if known == sorted(known, reverse=True):
        return "newest first"
    return "oldest first" if known == sorted(known) else "neither"


def takes_where(asker: Asker) -> list[int]:
    """The statuses of a condition and of an order on the list of pay runs."""
    asked: tuple[dict[str, str], ...] = (
        {"where": 'PayRunStatus=="POSTED"'},
        {"order": "PayRunPeriodEndDate DESC"},
    )
    return [asker.payroll("PayRuns", page=1, **one).status for one in asked]


def who_is_listed(asker: Asker) -> list[str] | None:
    """The statuses of employees in the list as it is; None where nobody has left."""
    gone = asker.payroll("Employees", where='Status=="TERMINATED"', page=1).records("Employees")
    listed = {str(one.get("Status")) for one in _employees(asker)} & {"ACTIVE", "TERMINATED"}
    return sorted(listed) if gone else None


def fields_of_the_list(asker: Asker) -> list[str] | None:
    """Which of the fields that only details are said to have are in the list of employees."""
    listed = asker.payroll("Employees", page=1)
    shown = fields_of(listed, "Employees") & {"EmployeeGroupName", "JobTitle"}
    return sorted(shown) if listed.records("Employees") else None


def totals_of_a_payslip(asker: Asker) -> list[str] | None:
    """Which totals a payslip has by itself."""
    payslip = _payslip(asker)
    return [name for name in TOTALS if name in payslip] if payslip else None


def edits_move_the_run(asker: Asker) -> bool | None:
    """Whether no payslip of the newest posted run was changed after the run itself."""
    runs = [one for one in _pay_runs(asker) if one.get("PayRunStatus") == "POSTED"]
    for run in asker.payroll(f"PayRuns/{runs[0]['PayRunID']}").records("PayRuns") if runs else []:
        stamps = [_stamp(one) for one in run.get("Payslips") or []]
        own = _stamp(run)
        return all(one <= own for one in stamps if one) if own else None
    return None


def tax_file_number(asker: Asker) -> str | None:
    """Whether an employee's tax file number comes in the clear; of the number itself nothing is kept."""
    for listed in _employees(asker)[:3]:
        for one in asker.payroll(f"Employees/{listed['EmployeeID']}").records("Employees"):
            declared = (one.get("TaxDeclaration") or {}).get(TAX_FILE_NUMBER)
            if declared:
                return "masked" if kind_of(declared) == "masked" else "in the clear"
    return None


def days_in_the_year(asker: Asker) -> str | None:
    """How the number of days in the payroll year is written."""
    document = asker.payroll("Settings").document
    settings = document.get("Settings") if isinstance(document, dict) else None
    return kind_of(settings["DaysInPayrollYear"]) if settings and "DaysInPayrollYear" in settings else None


def _employees(asker: Asker) -> list[dict[str, Any]]:
    return asker.payroll("Employees", page=1).records("Employees")


def _pay_runs(asker: Asker) -> list[dict[str, Any]]:
    return asker.payroll("PayRuns", page=1).records("PayRuns")


def _payslip(asker: Asker) -> dict[str, Any] | None:
    for run in _pay_runs(asker)[:3]:
        for detail in asker.payroll(f"PayRuns/{run['PayRunID']}").records("PayRuns"):
            for slip in detail.get("Payslips") or []:
                document = asker.payroll(f"Payslip/{slip['PayslipID']}").document
                return document.get("Payslip") if isinstance(document, dict) else None
    return None


def _stamp(record: dict[str, Any]) -> datetime | None:
    return values.instant(record.get("UpdatedDateUTC"))


AU: Sequence[Fact] = (
    Fact(
        "unchanged",
        "What does a list answer where nothing has changed?",
        {"HTTP": "nothing", "ISO 8601": "nothing"},
        unchanged,
    ),
    Fact("since-inclusive", "Is a record shown since its very stamp?", False, includes_the_second),
    Fact("leave-since", "Which status has LeaveApplications/v2 with a date?", 500, leave_since),
    Fact("page-size", "Is a list without a page's number its first page?", True, page_without_number),
    Fact(
        "pay-items-pages",
        "What is on the second page of pay items?",
        "the same again",
        second_page_of_pay_items,
    ),
    Fact("pay-run-order", "In which order do pay runs come?", "newest first", order_of_pay_runs),
    Fact("where", "Which statuses have a condition and an order?", [200, 200], takes_where),
    Fact("active-only", "Whom does the list of employees show?", ["ACTIVE"], who_is_listed),
    Fact("employee-list", "Does the list have EmployeeGroupName or JobTitle?", [], fields_of_the_list),
    Fact("payslip-totals", "Which totals does a payslip have?", ["NetPay", "Tax"], totals_of_a_payslip),
    Fact("payslip-edit", "Does a payslip's edit move its run's stamp?", True, edits_move_the_run),
    Fact("tax-file-number", "How does a tax file number come?", "in the clear", tax_file_number),
    Fact("days-in-year", "How is DaysInPayrollYear written?", "digits", days_in_the_year),
)
