"""
The words of Xero's enumerations that this version knows; others are kept as text, and counted.

Words are in lower case, as `values.word` writes them. From the models of xero-python and Xero-OpenAPI, all
countries together: a word that one of them uses is no surprise in another.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from domain.model.payroll import (
    EmployeeSummary,
    LeaveApplication,
    LeavePeriod,
    PayCalendar,
    PayItem,
    PayRunSummary,
    TimesheetSummary,
)

_STATUSES = "draft requested approved processed completed rejected scheduled estimated"

_WORDS: dict[type, dict[str, str]] = {
    EmployeeSummary: {"status": "active terminated"},
    PayRunSummary: {"status": "draft posted", "run_type": "scheduled unscheduled earlieryearupdate"},
    TimesheetSummary: {"status": _STATUSES},
    LeavePeriod: {"status": _STATUSES},
    PayCalendar: {
        "calendar_type": "weekly fortnightly fourweekly twicemonthly monthly quarterly annual",
    },
    PayItem: {
        "rate_type": "fixedamount multiple rateperunit multipleofordinaryearningsrate percentageofgross",
    },
}

KNOWN = {
    kind: {name: frozenset({*words.split(), "none"}) for name, words in fields.items()}
    for kind, fields in _WORDS.items()
}
"""By the record's type and the field; xero-python says `None` where a word was left out."""


def unknown_in(records: Iterable[Any]) -> tuple[str, ...]:
    """Where a word stands that is not known, one for each: `PayRunSummary.status`; never the word itself."""
    return tuple(place for record in records for part in _parts(record) for place in _unknown(part))


def _parts(record: Any) -> Iterator[Any]:
    yield getattr(record, "summary", None) or record
    if isinstance(record, LeaveApplication):
        yield from record.periods


def _unknown(part: Any) -> Iterator[str]:
    for name, words in KNOWN.get(type(part), {}).items():
        if (getattr(part, name) or "none") not in words:
            yield f"{type(part).__name__}.{name}"
