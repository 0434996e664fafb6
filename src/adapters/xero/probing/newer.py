"""What is asked of payroll in New Zealand and the United Kingdom."""

from collections.abc import Sequence
from typing import Any

from adapters.xero.probing.asker import Asker
from adapters.xero.probing.facts import Fact
from adapters.xero.probing.shapes import kind_of
from domain.model.connection import Region

PAYSLIPS = {Region.NZ: "PaySlips", Region.UK: "Payslips"}


def pagination(asker: Asker) -> list[str] | None:
    """What a list says of its pages."""
    document = asker.payroll("Employees", page=1).document
    found = document.get("pagination") if isinstance(document, dict) else None
    return sorted(found) if isinstance(found, dict) else None


def stamps_of_payslips(asker: Asker) -> str | None:
    """The kinds of the stamps that payslips have."""
    for run in asker.payroll("PayRuns", page=1).records("payRuns")[:3]:
        slips = _payslips(asker, run)
        if slips:
            return " | ".join(sorted({kind_of(one.get("lastEdited")) for one in slips}))
    return None


def form_of_dates(asker: Asker) -> str | None:
    """How a calendar date is written."""
    runs = asker.payroll("PayRuns", page=1).records("payRuns")
    return kind_of(runs[0].get("paymentDate")) if runs else None


def _payslips(asker: Asker, run: dict[str, Any]) -> list[dict[str, Any]]:
    said = asker.payroll(PAYSLIPS[asker.tenant.region], PayRunID=run.get("payRunID"), page=1)
    return said.records("paySlips")


PAGES = ["itemCount", "page", "pageCount", "pageSize"]


def _facts(stamps: str) -> Sequence[Fact]:
    return (
        Fact("pagination", "What does a list say of its pages?", PAGES, pagination),
        Fact("payslip-stamps", "Which stamps do payslips have?", stamps, stamps_of_payslips),
        Fact("dates", "How is a calendar date written?", "date-time without zone", form_of_dates),
    )


NZ = _facts("date-time without zone")
UK = _facts("null")
