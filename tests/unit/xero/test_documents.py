import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xero.documents import document_of, xeros_clock
from adapters.xero.transport import Answer
from domain.errors import AnswerUnreadable

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def answer(data: bytes, **headers: str) -> Answer:
    return Answer(200, headers, data, len(data))


def read(data: bytes) -> dict[str, object]:
    return {name: msgspec.json.decode(raw) for name, raw in document_of(answer(data)).items()}


def test_the_top_of_a_body_is_taken_apart_and_no_more() -> None:
    document = document_of(answer(b'{"Employees": [ {"a" : 1} ],\r\n "Status":"OK"}'))
    assert bytes(document["Employees"]) == b'[ {"a" : 1} ]'


QUIRKS: dict[str, tuple[bytes, dict[str, object]]] = {
    "not a number": (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": "NaN", "b": ["Infinity", "-Infinity"]}),
    "half a surrogate pair": (rb'{"a": "x\ud800y"}', {"a": "x?y"}),
    "a name that is not UTF-8": (b'{"\xff": 1}', {"\ufffd": 1}),
    "half a surrogate pair as a name": (rb'{"\ud800": 1}', {"?": 1}),
}


@pytest.mark.parametrize(("body", "expected"), QUIRKS.values(), ids=QUIRKS)
def test_a_body_that_is_not_quite_json_is_read_all_the_same(body: bytes, expected: dict[str, object]) -> None:
    assert read(body) == expected


def test_amounts_keep_every_digit_in_a_body_that_is_not_quite_json() -> None:
    body = b'{"x": NaN, "a": 0.1000000000000000055, "b": 123456789012345678901234567890, "c": 1e400}'
    document = document_of(answer(body))
    assert bytes(document["a"]) == b"0.1000000000000000055"
    assert bytes(document["b"]) == b"123456789012345678901234567890"
    assert bytes(document["c"]) == b"1E+400"


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "a page": b"<html><body>Service Unavailable</body></html>",
    "half a body": b'{"Employees": [{"EmployeeID": "1"}, {"Empl',
    "a list": b"[]",
    "a list that is not quite json": b"[NaN]",
    "a word": b'"text"',
    "null": b"null",
    "deep nesting": b'{"a":' + b"[" * 100_000,
    "deep nesting that ends": b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep nesting that is not quite json": b'{"b": NaN, "a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "a number without end": b'{"x": NaN, "a": ' + b"9" * 10_000 + b"e",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_said_to_be_so(body: bytes) -> None:
    with pytest.raises(AnswerUnreadable) as caught:
        document_of(answer(body))
    assert caught.value.__suppress_context__


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=4))
def test_any_object_that_json_can_write_is_read(value: dict[str, object]) -> None:
    assert len(document_of(answer(json.dumps(value).encode()))) <= len(value)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_does_more_than_being_unreadable(body: bytes) -> None:
    try:
        document = document_of(answer(body))
    except AnswerUnreadable:
        return
    assert isinstance(document, dict)


def at(body: bytes, **headers: str) -> datetime:
    said = answer(body, **headers)
    return xeros_clock(document_of(said), said, NOW)


SAID = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b'{"DateTimeUTC": "/Date(1795141800000)/"}',
        b'{"DateTimeUTC": "\\/Date(1795141800000)\\/"}',
        b'{"dateTimeUTC": "2026-11-20T02:30:00"}',
        b'{"dateTimeUTC": "2026-11-20T02:30:00.0000000Z"}',
        b'{"DateTimeUTC": 7, "dateTimeUTC": "2026-11-20T02:30:00"}',
    ],
)
def test_xeros_clock_is_the_envelopes(body: bytes) -> None:
    assert at(body, date="Fri, 20 Nov 2026 01:00:00 GMT") == SAID


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
def test_without_an_envelope_xeros_clock_is_the_header(zone: str) -> None:
    for body in (b"{}", b'{"DateTimeUTC": "soon"}', b'{"DateTimeUTC": null}'):
        assert at(body, date=f"Fri, 20 Nov 2026 02:30:00 {zone}") == SAID


@pytest.mark.parametrize("said", ["", "soon", "2026-11-20"])
def test_without_either_it_is_ours(said: str) -> None:
    assert at(b"{}", date=said) == NOW
    assert at(b'{"DateTimeUTC": ""}') == NOW


@pytest.mark.parametrize(
    "said", ["0001-01-01T00:00:00", "/Date(-62135596800000)/", "9999-12-31T23:59:59.9999999"]
)
def test_a_time_that_was_never_set_is_none(said: str) -> None:
    """As .NET writes it: a list could not be asked for what changed five minutes before it."""
    body = json.dumps({"dateTimeUTC": said}).encode()
    assert at(body) == NOW
    assert at(body, date="Fri, 31 Dec 9999 23:59:59 GMT") == NOW
    assert at(body, date="Fri, 20 Nov 2026 02:30:00 GMT") == SAID


@given(JSON, st.text(max_size=30))
def test_whatever_an_answer_says_its_time_is_in_utc(value: object, header: str) -> None:
    assert at(json.dumps({"DateTimeUTC": value}).encode(), date=header).tzinfo is not None
