"""Instants as people type them: `2h`, `166 days ago`, `2026-11-20`."""

import re
from datetime import UTC, datetime, timedelta

SPAN = re.compile(r"(\d+)\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)( ago)?", re.IGNORECASE)
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def past(text: str | None, now: datetime) -> datetime | None:
    """
    An instant that has been: an ISO date or time (UTC if it does not say), or how long ago.

    Raises ValueError.
    """
    if text is None:
        return None
    span = _span(text)
    return now - span if span is not None else _instant(text, "2h, '3 days ago' or 2026-11-20T09:00")


def future(text: str, now: datetime) -> datetime:
    """An instant to come: an ISO date or time, or how long from now. Raises ValueError."""
    span = _span(text)
    at = now + span if span is not None else _instant(text, "2h, 3d or 2026-11-20T09:00")
    if at <= now or text.strip().lower().endswith(" ago"):
        raise ValueError("that is in the past")
    return at


def _span(text: str) -> timedelta | None:
    found = SPAN.fullmatch(text.strip())
    return timedelta(**{UNITS[found[2][0].lower()]: int(found[1])}) if found else None


def _instant(text: str, such_as: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time such as {such_as}") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
