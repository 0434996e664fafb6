"""
A delivery becomes a dramatiq message here, or is refused before dramatiq sees it.

dramatiq trusts its queues: one message with a wrong shape can stop a worker's threads one by one while the
process looks healthy. So every field that it relies on is checked first.
"""

from typing import Annotated, Any

import msgspec
from dramatiq import Message
from dramatiq.common import q_name

from domain.errors import UnreadableMessage
from workers.events import MAX_BYTES, Clinic, Name, read_event
from workers.queues import ROUTES
from workers.tracing import continued

NUMBERS = ("eta", "retries", "waited")
"""Options that decide when a message is worked."""


class Native(msgspec.Struct, forbid_unknown_fields=True):
    """dramatiq's own message, with the types that its worker relies on."""

    queue_name: str
    actor_name: Name
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    message_id: str
    message_timestamp: int


class Subject(msgspec.Struct):
    """Whose a job is, as a row can say it: what dies on its queue becomes one."""

    clinic_id: Clinic | None = None
    connection_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


def read_message(body: bytes, queue_name: str) -> "Message[Any]":
    """The message that a delivery on `queue_name` holds. Raises UnreadableMessage."""
    if len(body) > MAX_BYTES:
        raise UnreadableMessage("too_large")
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableMessage("not_json") from None
    if not isinstance(document, dict):
        raise UnreadableMessage("not_an_object")
    if "specversion" in document:
        return event_message(document)
    return _native(document, queue_name)


def event_message(document: dict[str, Any]) -> "Message[Any]":
    """The message that carries a CloudEvent to its actor, under the event's own id and in its trace."""
    event = read_event(document)
    route = ROUTES[event.type]
    traceparent = continued(event.header.traceparent)
    return Message(
        queue_name=route.queue,
        actor_name=route.actor,
        args=(),
        kwargs={"event": {**document, "traceparent": traceparent}},
        options={"traceparent": traceparent},
        message_id=event.header.id,
    )


def _native(document: dict[str, Any], queue_name: str) -> "Message[Any]":
    try:
        native = msgspec.convert(document, Native)
        msgspec.convert(native.kwargs, Subject)
    except msgspec.ValidationError:
        raise UnreadableMessage("neither_event_nor_message") from None
    if native.queue_name != queue_name:
        raise UnreadableMessage("wrong_queue")
    if not all(isinstance(native.options.get(name, 0), int) for name in NUMBERS):
        raise UnreadableMessage("malformed_options")
    if "event" in native.kwargs:
        _check_event(native)
    return Message(**{**msgspec.structs.asdict(native), "args": tuple(native.args)})


def _check_event(native: Native) -> None:
    event = read_event(native.kwargs["event"])
    if "\0" in (event.header.traceparent or ""):
        raise UnreadableMessage("malformed_event")
    route = ROUTES[event.type]
    if (native.actor_name, q_name(native.queue_name)) != (route.actor, route.queue):
        raise UnreadableMessage("wrong_actor")
