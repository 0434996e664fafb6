"""A payslip's line, whichever country it comes from."""

from decimal import Decimal

from adapters.xero import values
from domain.model.payroll import LineKind, PayLine


def line(
    kind: LineKind,
    position: int,
    *,
    item_id: str | None = None,
    name: str | None = None,
    line_type: str | None = None,
    units: Decimal | None = None,
    rate: Decimal | None = None,
    percentage: Decimal | None = None,
    amount: Decimal | None = None,
) -> PayLine:
    """A line of sound values. Raises ValueError, without quoting one, for what cannot be kept."""
    return PayLine(
        kind=kind,
        position=position,
        item_id=values.identifier(item_id),
        name=values.text(name),
        line_type=values.word(line_type),
        units=values.amount(units),
        rate=values.amount(rate),
        percentage=values.amount(percentage),
        amount=values.amount(amount),
    )
