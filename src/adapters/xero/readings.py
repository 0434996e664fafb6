"""How one resource is asked for with xero-python, and how its answer becomes records."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec

from domain.errors import AnswerUnreadable
from domain.model.ids import SourceId
from domain.model.payroll import Record
from domain.model.sync import Unreadable

Translate = Callable[[Any], Iterable[Record]]
Document = dict[str, msgspec.Raw]
R = TypeVar("R")


def to_the_second(moment: datetime) -> datetime:
    """`If-Modified-Since` counts in seconds."""
    return moment.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Part:
    """Where in an answer records of one kind are, and how each is read; `id_field` names one in a report."""

    path: tuple[str, ...]
    struct: type[msgspec.Struct]
    translate: Translate
    id_field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    One of Xero's resources.

    `api` and `method` name the call in xero-python; `arguments` are what it always gets. `id_argument` is the
    name under which a detail's id is passed; `is_paged` says that a list takes a page's number.
    `since_argument` is the name under which it takes the time since when changes are wanted, as `since`
    writes it. `as_of` completes a record by when Xero answered.
    """

    api: str
    method: str
    parts: Sequence[Part]
    arguments: Mapping[str, object] = field(default_factory=dict)
    id_argument: str | None = None
    is_paged: bool = False
    since_argument: str | None = None
    since: Callable[[datetime], object] = to_the_second
    as_of: Callable[[Any, datetime], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """
    A detail that takes more than one call: the readings' structs, joined to records.

    Pages are followed to the end. `confirm` is asked when there is nothing at all: it tells a record without
    parts from one that is gone.
    """

    readings: Sequence[Reading]
    join: Callable[[SourceId, Sequence[Sequence[Any]]], Iterable[Record]]
    confirm: Reading | None = None


def records_of(reading: Reading, document: Document) -> tuple[list[Any], list[Unreadable], int]:
    """What can be read of an answer, what cannot, and how many records it held."""
    found: list[Any] = []
    unreadable: list[Unreadable] = []
    held = 0
    for part in reading.parts:
        decoder = _decoder(part.struct)
        for raw in _raws(document, part.path):
            held += 1
            try:
                found.extend(_storable(raw, list(part.translate(decoder.decode(raw)))))
            except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
                unreadable.append(Unreadable(_id_of(raw, part.id_field), _why(error)))
    return found, unreadable, held


def _storable(raw: msgspec.Raw, records: list[R]) -> list[R]:
    """The same records; PostgreSQL keeps no zero bytes, and where a text has lost them an id has not."""
    if rb"\u0000" in bytes(raw) and any("\\x00" in repr(record) for record in records):
        raise ValueError("an id with a zero byte")
    return records


@cache
def _decoder(struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """A decoder that takes numbers written as text, and the like."""
    return msgspec.json.Decoder(struct, strict=False)


def _raws(document: Document, path: tuple[str, ...]) -> list[msgspec.Raw]:
    """The records at a path: an array's items, or one object; none where there is nothing."""
    *outer, last = path
    for name in outer:
        document = _object(document.get(name))
    raw = bytes(document.get(last, b"null")).lstrip()
    if raw.startswith(b"["):
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    return [msgspec.Raw(raw)] if raw.startswith(b"{") else []


def _object(raw: msgspec.Raw | None) -> Document:
    try:
        return msgspec.json.decode(raw, type=Document) if raw is not None else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise AnswerUnreadable("Xero's answer is not what it should be") from None


def _id_of(raw: msgspec.Raw, id_field: str) -> SourceId | None:
    try:
        found = msgspec.json.decode(msgspec.json.decode(raw, type=Document)[id_field], type=str)
    except (msgspec.DecodeError, ValueError, KeyError):
        return None
    return SourceId(found) if found and "\x00" not in found else None


def _why(error: Exception) -> str:
    """What is wrong, in words that quote no value: msgspec names types and paths only, and so do we."""
    if isinstance(error, UnicodeError | ArithmeticError):
        return type(error).__name__
    return str(error)[:200]
