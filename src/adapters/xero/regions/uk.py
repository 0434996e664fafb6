"""The United Kingdom's payroll: which call answers which resource."""

from zoneinfo import ZoneInfo

from adapters.xero.regions import newer
from domain.model.payroll import PayItemKind
from domain.model.streams import Resource

READINGS = {
    **newer.readings(ZoneInfo("Europe/London")),
    Resource.BENEFITS: newer.items("get_benefits", "benefits", PayItemKind.BENEFIT),
    Resource.EARNINGS_ORDERS: newer.items(
        "get_earnings_orders", "statutoryDeductions", PayItemKind.EARNINGS_ORDER
    ),
}
