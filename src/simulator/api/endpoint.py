"""What a region offers: endpoints, what they are asked, and how they refuse."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.payroll.clinic import Clinic
from simulator.settings import Settings

Document = dict[str, Any]
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One GET for one organisation; `ids` are the path's."""

    clinic: Clinic
    settings: Settings
    ids: tuple[str, ...]
    query: dict[str, str]
    modified_since: datetime | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A GET: the scope it needs, and the document it gives below the envelope's head."""

    scope: str
    answer: Callable[[Call], Document]


Routes = dict[tuple[str, ...], Endpoint]


class NotFound(Exception):
    """There is no such thing."""


class NotModified(Exception):
    """Nothing changed since If-Modified-Since."""


class BadRequest(Exception):
    """The query is wrong."""

    def __init__(self, message: str, number: int = 16, kind: str = "QueryParseException") -> None:
        super().__init__(message)
        self.message, self.number, self.kind = message, number, kind


class Broken(Exception):
    """Xero itself fails."""


def page_number(query: dict[str, str]) -> int:
    """The page asked for, from 1; raise BadRequest."""
    text = query.get("page", "1")
    if not text.isdecimal() or int(text) < 1:
        raise BadRequest(f"'{text}' is not a page number")
    return int(text)


def found(records: dict[str, Any], key: str) -> Any:
    """`records[key]`, in whatever case the key comes; raise NotFound."""
    record = records.get(key.lower())
    if record is None:
        raise NotFound
    return record
