"""JSON Schemas of the events, made by msgspec from the types that read and write them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, UnsetType

from adapters.rabbitmq import publisher
from domain.messages import ConnectionChanged, OutboundEvent, PayrollChanged, PayrollErased, SyncFinished
from entrypoints.contract.described import attributes_of, classes_in, summary_of
from workers import events

Schema = dict[str, Any]
OUTBOUND: tuple[type[OutboundEvent], ...] = (ConnectionChanged, SyncFinished, PayrollChanged, PayrollErased)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
WITHIN = "#/$defs/{name}"


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: its name on the wire, its data, and the envelope that it travels in."""

    name: str
    data: type
    envelope: type[Struct]

    @property
    def kind(self) -> str:
        """The last two parts of the name: `connect-completed.v1`."""
        return ".".join(self.name.split(".")[-2:])

    @property
    def is_inbound(self) -> bool:
        """Whether this service receives it."""
        return self.envelope is events.CloudEvent


INBOUND_TYPES = tuple(EventType(name, data, events.CloudEvent) for name, data in events.DATA.items())
OUTBOUND_TYPES = tuple(EventType(data.type, data, publisher.CloudEvent) for data in OUTBOUND)
EVENT_TYPES = (*INBOUND_TYPES, *OUTBOUND_TYPES)


def schema_of(event: EventType) -> Schema:
    """One event's schema, complete in itself."""
    identity = {"$schema": DIALECT, "$id": f"urn:{event.name}"}
    return {**identity, **enveloped(event, WITHIN), "$defs": parts(event, WITHIN)}


def enveloped(event: EventType, references: str) -> Schema:
    """The event as a whole: its envelope, with its type and data."""
    schema = _described(event.envelope, references, is_sent=not event.is_inbound)[event.envelope.__name__]
    properties = dict(schema["properties"])
    properties["type"] = {"const": event.name, "description": properties["type"]["description"]}
    properties["data"] = {"$ref": references.format(name=event.data.__name__)}
    return {**schema, "title": event.name, "description": summary_of(event.data), "properties": properties}


def parts(event: EventType, references: str) -> dict[str, Schema]:
    """The schemas of an event's data and of all that is in it, by name."""
    return _described(event.data, references, is_sent=not event.is_inbound)


def _described(root: type, references: str, *, is_sent: bool) -> dict[str, Schema]:
    _, found = msgspec.json.schema_components([root], ref_template=references)
    classes = classes_in(root)
    return {name: _polished(schema, classes[name], is_sent=is_sent) for name, schema in sorted(found.items())}


def _polished(schema: Schema, cls: type, *, is_sent: bool) -> Schema:
    """What msgspec says, with the docstrings' words; of what we send, every field is always there."""
    plain: Schema = _without(schema, {"discriminator", *(["default"] if is_sent else [])})
    plain["description"] = summary_of(cls)
    if issubclass(cls, Enum):
        return {**plain, "enum": [one.value for one in cls]}
    hints, said = get_type_hints(cls), attributes_of(cls)
    for name, field in plain["properties"].items():
        field["description"] = said[name]
        if datetime in (hints.get(name), *get_args(hints.get(name))):
            _text_of(field)["format"] = "date-time"
    if is_sent:
        plain["required"] = [name for name in plain["properties"] if UnsetType not in get_args(hints[name])]
    return plain


def _text_of(field: Schema) -> Schema:
    """The part of a field's schema that is a text; the other is null."""
    return next(one for one in field.get("anyOf", [field]) if one.get("type") == "string")


def _without(schema: Any, names: set[str]) -> Any:
    match schema:
        case dict():
            return {name: _without(one, names) for name, one in schema.items() if name not in names}
        case list():
            return [_without(one, names) for one in schema]
        case _:
            return schema
