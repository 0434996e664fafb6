"""How current a stream is, in words."""

from datetime import UTC, date, datetime

from domain.model.streams import Stream


def in_words(
    stream: Stream, known_to: date | None, checked_at: datetime | None, *, is_faulty: bool = False
) -> str:
    """Such as: pay runs to 14 Nov 2026, checked 26 Nov 2026 09:10 UTC; the last look failed."""
    name = stream.value.replace("_", " ")
    failed = "; the last look failed" if is_faulty else ""
    if checked_at is None:
        return f"{name} not read yet{failed}"
    span = f" to {_day(known_to)}" if known_to else ""
    at = checked_at.astimezone(UTC)
    return f"{name}{span}, checked {_day(at)} {at:%H:%M} UTC{failed}"


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"
