"""An answer's body, taken apart at its top; its records stay raw until each is read by itself."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

import msgspec

from adapters.xero import values
from adapters.xero.readings import Document
from adapters.xero.transport import Answer
from domain.errors import AnswerUnreadable

YEARS = range(2000, 2200)
"""What a clock can show; .NET writes the first or the last year there is for a time that was never set."""


def document_of(answer: Answer) -> Document:
    """The top of an answer's JSON. Raises AnswerUnreadable."""
    try:
        return msgspec.json.decode(answer.data, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _lenient(answer.data)


def _lenient(data: bytes) -> Document:
    """The same for a body that is not quite JSON (NaN, half a surrogate pair): slow, and seldom needed."""
    try:
        loose = json.loads(data.decode("utf-8", "replace"), parse_float=Decimal, parse_constant=str)
        clean = msgspec.json.Encoder(decimal_format="number").encode(_encodable(loose))
        return msgspec.json.decode(clean, type=Document)
    except (ValueError, RecursionError):
        raise AnswerUnreadable("Xero's answer is not what it should be") from None


def _encodable(value: object) -> object:
    """The same value with texts that UTF-8 can hold."""
    match value:
        case str():
            return values.text(value)
        case dict():
            return {_encodable(name): _encodable(held) for name, held in value.items()}
        case list():
            return [_encodable(held) for held in value]
        case _:
            return value


def xeros_clock(document: Document, answer: Answer, fallback: datetime) -> datetime:
    """When Xero made this answer, by its own clock: the envelope's, else the `Date` header's."""
    for name in ("DateTimeUTC", "dateTimeUTC"):
        try:
            at = values.instant(msgspec.json.decode(document[name], type=str))
        except (KeyError, ValueError, msgspec.DecodeError):
            continue
        if at is not None and at.year in YEARS:
            return at
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return fallback
    return at.replace(tzinfo=at.tzinfo or UTC) if at.year in YEARS else fallback
