"""Wire forms that regions share: two ways to write a date."""

import calendar
from datetime import date, datetime
from typing import Any

Row = dict[str, Any]


def ms_date(day: date | None, zone: str = "+0000") -> str | None:
    """A calendar date as `/Date(ms+0000)/`: midnight UTC, negative before 1970."""
    return f"/Date({calendar.timegm(day.timetuple()) * 1000}{zone})/" if day else None


def ms_instant(moment: datetime | None, zone: str = "+0000") -> str | None:
    """An instant as `/Date(ms+0000)/`."""
    return f"/Date({int(moment.timestamp() * 1000)}{zone})/" if moment else None


def iso_date(day: date | None) -> str | None:
    """A calendar date as the newer APIs write it: midnight, no zone."""
    return f"{day.isoformat()}T00:00:00" if day else None


def iso_instant(moment: datetime | None) -> str | None:
    """An instant as the newer APIs write it: UTC without saying so."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") if moment else None


def present(row: Row) -> Row:
    """Without the keys that have no value: the older APIs leave them out."""
    return {key: value for key, value in row.items() if value is not None}
