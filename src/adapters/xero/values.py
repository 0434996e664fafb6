"""
Xero's ways of writing values, read tolerantly.

Every function raises ValueError, without quoting the value, for what cannot be kept.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from domain.model.ids import SourceId

MS_DATE = re.compile(r"/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/")
"""AU writes milliseconds since 1970, sometimes with a zone that does not change the instant."""

LARGEST_EXPONENT = 14
"""A larger amount is no payroll; PostgreSQL would take it, and a report would not."""

FINEST = Decimal("1E-12")
"""What is finer is the noise of a binary fraction, or a quotient without end."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(value: str | None) -> datetime | None:
    """An instant in UTC; Xero leaves the zone out where it means UTC."""
    if value is None or value == "":
        return None
    match = MS_DATE.fullmatch(value.replace("\\/", "/"))
    if match:
        try:
            return EPOCH + timedelta(milliseconds=int(match[1]))
        except OverflowError:
            raise ValueError("a date beyond the calendar") from None
    try:
        moment = datetime.fromisoformat(_microseconds(value))
    except ValueError:
        raise ValueError("not a date") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _microseconds(value: str) -> str:
    """Xero writes up to seven decimals of a second; Python reads six."""
    return re.sub(r"(\.\d{6})\d+", r"\1", value.replace("Z", "+00:00"))


def day(value: str | None) -> date | None:
    """A calendar date: the date in UTC, as Xero writes dates as midnight UTC."""
    moment = instant(value)
    return moment.date() if moment else None


def required_day(value: str | None) -> date:
    """A calendar date that has to be there."""
    found = day(value)
    if found is None:
        raise ValueError("a date is missing")
    return found


def nearest_day(value: str | None) -> date:
    """
    A calendar date that has to be there, by the nearest midnight in UTC.

    Who enters leave may write midnight where they are, which in Australia is the evening before in UTC
    (Xero-OpenAPI, xero-payroll-au.yaml: the example of a leave application).
    """
    moment = instant(value)
    if moment is None:
        raise ValueError("a date is missing")
    try:
        return (moment + timedelta(hours=12)).date()
    except OverflowError:
        raise ValueError("a date beyond the calendar") from None


def amount(value: Decimal | None) -> Decimal | None:
    """A finite amount of a size that can be meant, to twelve decimals."""
    if value is None:
        return None
    if not value.is_finite():
        raise ValueError("not a finite number")
    if value and value.adjusted() > LARGEST_EXPONENT:
        raise ValueError("a number beyond any payroll")
    rounded = value.quantize(FINEST)
    return value if value == rounded else rounded


def text(value: str | None) -> str | None:
    """Text that PostgreSQL can keep: without NUL, and without half of a surrogate pair."""
    if value is None or (value.isascii() and "\x00" not in value):
        return value
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def identifier(value: str | None) -> SourceId | None:
    """An id that may be missing."""
    return SourceId(value) if value else None


def word(value: str | None) -> str | None:
    """A status or type, in lower case, whatever Xero may add to its list."""
    cleaned = text(value)
    return cleaned.lower() if cleaned else None


def required_word(value: str | None) -> str:
    """A status or type that has to be there."""
    found = word(value)
    if found is None:
        raise ValueError("a status is missing")
    return found


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is there; None where nothing is."""
    found = [value for value in values if value is not None]
    return sum(found, Decimal()) if found else None
