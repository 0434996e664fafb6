"""The committed contract is what the code says, and the code reads what the contract allows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from domain.errors import UnreadableMessage
from domain.messages import Fault, OutboundEvent
from domain.model.connection import ConnectionStatus, Reason
from domain.model.streams import Stream
from entrypoints.contract.examples import EXAMPLES, Example
from entrypoints.contract.files import drift, published, write
from entrypoints.contract.schemas import EVENT_TYPES, OUTBOUND_TYPES, schema_of
from events.judge import PUBLISHED, complaints
from workers.envelopes import read_message
from workers.events import MAX_BYTES, read_event
from workers.queues import EXCHANGE, ROUTES

EXAMPLE = {one.name: one for one in EXAMPLES}
RECEIVED = [one for one in EXAMPLES if one.event in ROUTES]
SENT = [one for one in EXAMPLES if one.event not in ROUTES]
README = (PUBLISHED / "README.md").read_text()


def test_the_committed_files_are_what_the_code_says() -> None:
    assert drift(PUBLISHED) == [], "run: allie-xero events schema"


def test_drift_names_what_differs_what_is_missing_and_what_is_too_many(tmp_path: Path) -> None:
    write(tmp_path)
    assert drift(tmp_path) == []
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / "schemas" / "disconnect.v1.json").unlink()
    (tmp_path / "schemas" / "disconnect.v0.json").write_text("{}")
    (tmp_path / "README.md").write_text("by hand")
    assert drift(tmp_path) == [
        "asyncapi.json",
        "schemas/disconnect.v0.json",
        "schemas/disconnect.v1.json",
    ]
    write(tmp_path)
    assert drift(tmp_path) == []


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.kind)
def test_every_schema_is_valid_and_every_field_in_it_is_described(event: Any) -> None:
    schema = schema_of(event)
    Draft202012Validator.check_schema(schema)
    for where, field in fields_of(schema):
        assert "$ref" in field or field.get("description"), where


def fields_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (schema, *schema["$defs"].values()):
        yield part["title"], part
        for name, field in part.get("properties", {}).items():
            yield f"{part['title']}.{name}", field


def test_every_event_has_an_example() -> None:
    assert {one.event for one in EXAMPLES} == {event.name for event in EVENT_TYPES}
    assert len(EXAMPLE) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_every_example_fits_its_schema(example: Example) -> None:
    assert complaints(example.document) == []


@pytest.mark.parametrize("example", RECEIVED, ids=lambda one: one.name)
def test_every_example_of_what_we_receive_is_taken(example: Example) -> None:
    route = ROUTES[example.event]
    message = read_message(json.dumps(example.document).encode(), route.queue)
    assert (message.actor_name, message.message_id) == (route.actor, example.document["id"])


@pytest.mark.parametrize("example", SENT, ids=lambda one: one.name)
def test_every_example_of_what_we_send_is_read_back_as_it_was_meant(example: Example) -> None:
    kinds = {event.name: event.data for event in OUTBOUND_TYPES}
    event: OutboundEvent = msgspec.convert(example.document["data"], kinds[example.event])
    assert msgspec.to_builtins(event, str_keys=True) == example.document["data"]


CONNECT = EXAMPLE["connect-completed.v1.authorization-code"].document
SYNC = EXAMPLE["sync-requested.v1.full"].document


def changed(document: dict[str, Any], path: str, value: object = None) -> dict[str, Any]:
    """The document with one value changed, or left out where none is given."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *outer, last = path.split(".")
    place = copy
    for name in outer:
        place = place[name]
    place.pop(last, None)
    if value is not None:
        place[last] = value
    return copy


REFUSED = {
    "no id": changed(CONNECT, "id"),
    "an empty id": changed(CONNECT, "id", ""),
    "no source": changed(CONNECT, "source"),
    "an id that is a number": changed(CONNECT, "id", 7),
    "CloudEvents 2.0": changed(CONNECT, "specversion", "2.0"),
    "a time without an offset": changed(CONNECT, "time", "2026-11-23T01:29:58"),
    "a time that is none": changed(CONNECT, "time", "yesterday"),
    "no data": changed(CONNECT, "data"),
    "data that is a text": changed(CONNECT, "data", "clinic-17"),
    "no clinic": changed(CONNECT, "data.clinic_id"),
    "a clinic with a blank": changed(CONNECT, "data.clinic_id", "clinic 17"),
    "a clinic that is too long": changed(CONNECT, "data.clinic_id", "x" * 65),
    "a grant of another type": changed(CONNECT, "data.grant.type", "password"),
    "a grant without its type": changed(CONNECT, "data.grant.type"),
    "a grant without its code": changed(CONNECT, "data.grant.code"),
    "a verifier that is too short": changed(CONNECT, "data.grant.code_verifier", "x" * 42),
    "a sealed grant without the JWE": changed(CONNECT, "data.grant", {"type": "sealed_token_set"}),
    "a stream that there is not": changed(SYNC, "data.streams", ["invoices"]),
    "a stream that is no list": changed(SYNC, "data.streams", "employees"),
    "a mode that there is not": changed(SYNC, "data.mode", "quick"),
    "an erase that there is not": changed(
        EXAMPLE["disconnect.v1.erase-now"].document, "data.erase", "tomorrow"
    ),
}

TAKEN = {
    "fields that nobody knows": changed(changed(CONNECT, "data.colour", "blue"), "dataschema", "urn:x"),
    "no time": changed(CONNECT, "time"),
    "no traceparent": changed(CONNECT, "traceparent"),
    "a traceparent that is not valid": changed(CONNECT, "traceparent", "00-nonsense"),
    "no verifier": changed(CONNECT, "data.grant.code_verifier"),
    "no grant": changed(CONNECT, "data.grant"),
    "a later CloudEvents 1": changed(CONNECT, "specversion", "1.1"),
    "an offset": changed(CONNECT, "time", "2026-11-23T12:29:58.123+11:00"),
    "a code of any length": changed(CONNECT, "data.grant.code", "x" * 2048),
}


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED.keys())
def test_the_schema_and_the_code_refuse_the_same(document: dict[str, Any]) -> None:
    assert complaints(document)
    with pytest.raises(UnreadableMessage, match="malformed_event"):
        read_event(document)


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN.keys())
def test_the_schema_and_the_code_take_the_same(document: dict[str, Any]) -> None:
    assert complaints(document) == []
    assert read_event(document).header.id == document["id"]


def test_the_asyncapi_document_names_every_event_on_the_exchange_it_travels_over() -> None:
    document = json.loads(published()["asyncapi.json"])
    channels = document["channels"].values()
    assert {one["address"] for one in channels} == {one.name for one in EVENT_TYPES}
    assert {one["bindings"]["amqp"]["exchange"]["name"] for one in channels} == {EXCHANGE}
    actions = {one["channel"]["$ref"]: one["action"] for one in document["operations"].values()}
    for event in EVENT_TYPES:
        assert actions[f"#/channels/{event.kind}"] == ("receive" if event.is_inbound else "send")


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda event: event.kind)
def test_the_readme_names_every_event(event: Any) -> None:
    assert f"`{event.name}`" in README


@pytest.mark.parametrize("code", [*Reason, *Fault, *ConnectionStatus, *Stream])
def test_the_readme_explains_every_code(code: str) -> None:
    assert f"`{code}`" in README


@pytest.mark.parametrize("reason", Reason)
def test_the_readme_says_what_clinics_read(reason: Reason) -> None:
    assert reason.sentence in README


def test_the_readme_says_how_large_an_event_may_be() -> None:
    assert f"{MAX_BYTES // 1024} KiB" in README
