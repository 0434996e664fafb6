"""The AsyncAPI 3.0 document: which events there are, on which addresses, and who sends them."""

from typing import Any

from adapters.rabbitmq.publisher import CONTENT_TYPE
from entrypoints.contract.examples import EXAMPLES
from entrypoints.contract.schemas import EVENT_TYPES, EventType, Schema, enveloped, parts
from workers.queues import EXCHANGE

VERSION = "1.0.0"
"""Of the contract, not of the service: major with a new version of an event, minor with a new field."""

DESCRIPTION = (
    "Keeps a fresh, read-only copy of clinics' Xero payroll. CloudEvents 1.0 in structured JSON on the topic "
    f"exchange `{EXCHANGE}`, with the event's type as routing key. README.md beside this file has the rules."
)
IN_COMPONENTS = "#/components/schemas/{name}"


def asyncapi() -> dict[str, Any]:
    """The whole document, from this service's point of view: it receives and it sends."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Allie-Xero", "version": VERSION, "description": DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {event.kind: _channel(event) for event in EVENT_TYPES},
        "operations": {_verb(event) + event.kind: _operation(event) for event in EVENT_TYPES},
        "components": {
            "messages": {event.kind: _message(event) for event in EVENT_TYPES},
            "schemas": _schemas(),
        },
    }


def _verb(event: EventType) -> str:
    return "receive-" if event.is_inbound else "send-"


def _channel(event: EventType) -> dict[str, Any]:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": event.name,
        "messages": {event.kind: {"$ref": f"#/components/messages/{event.kind}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operation(event: EventType) -> dict[str, Any]:
    channel = f"#/channels/{event.kind}"
    binding = {"deliveryMode": 2, "mandatory": True, "bindingVersion": "0.3.0"}
    return {
        "action": "receive" if event.is_inbound else "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event.kind}"}],
        "bindings": {"amqp": binding},
    }


def _message(event: EventType) -> dict[str, Any]:
    schema = enveloped(event, IN_COMPONENTS)
    return {
        "name": event.name,
        "summary": schema["description"],
        "contentType": CONTENT_TYPE,
        "payload": schema,
        "examples": [
            {"name": one.variant, "payload": one.document} for one in EXAMPLES if one.event == event.name
        ],
    }


def _schemas() -> dict[str, Schema]:
    found = {name: schema for event in EVENT_TYPES for name, schema in parts(event, IN_COMPONENTS).items()}
    return dict(sorted(found.items()))
