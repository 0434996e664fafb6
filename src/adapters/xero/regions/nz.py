"""New Zealand's payroll: which call answers which resource."""

from zoneinfo import ZoneInfo

from adapters.xero.regions import newer
from domain.model.payroll import PayItemKind
from domain.model.streams import Resource

READINGS = {
    **newer.readings(ZoneInfo("Pacific/Auckland")),
    Resource.SUPERANNUATIONS: newer.items("get_superannuations", "benefits", PayItemKind.SUPERANNUATION),
    Resource.STATUTORY_DEDUCTIONS: newer.items(
        "get_statutory_deductions", "statutoryDeductions", PayItemKind.STATUTORY_DEDUCTION
    ),
}
