import json
import re
from contextlib import suppress
from typing import Any

import pytest
from dramatiq import Message
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnreadableMessage
from domain.messages import ConnectionJob, ErasePayroll, FinishDisconnect, KeepAlive, RunSlice
from domain.model.ids import ClinicId, ConnectionId
from unit.workers.wire import TRACE, event, native
from workers.actors import job_message
from workers.envelopes import read_message
from workers.events import MAX_BYTES
from workers.queues import CONNECT, CONTROL, SYNC, TOKENS

CANARY = "s3cr3t-canary"


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def refused(delivery: bytes, queue: str = SYNC) -> str:
    with pytest.raises(UnreadableMessage) as caught:
        read_message(delivery, queue)
    assert CANARY not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "queue", "actor"),
    [
        ("connect-completed", CONNECT, "connection.complete"),
        ("disconnect", CONTROL, "connection.disconnect"),
        ("sync-requested", CONTROL, "sync.request"),
    ],
)
def test_an_event_becomes_its_actors_message_under_its_own_id(kind: str, queue: str, actor: str) -> None:
    document = event(kind)
    message = read_message(body(document), queue)
    assert (message.queue_name, message.actor_name, message.message_id) == (queue, actor, "event-1")
    assert message.args == ()
    assert message.kwargs.keys() == {"event"}
    assert message.kwargs["event"] | {"traceparent": None} == document | {"traceparent": None}


def test_an_events_trace_goes_on() -> None:
    message = read_message(body(event(traceparent=TRACE)), CONNECT)
    assert message.options["traceparent"][:35] == TRACE[:35]
    assert message.kwargs["event"]["traceparent"] == message.options["traceparent"]


@pytest.mark.parametrize(
    "trace", [None, CANARY, TRACE + "\n", TRACE.replace("0", "x"), "\x00", "00-" + "0" * 52]
)
def test_an_event_with_no_valid_trace_gets_a_new_one(trace: str | None) -> None:
    found = read_message(body(event(traceparent=trace)), CONNECT).options["traceparent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", found)
    assert found[:35] != TRACE[:35]


def test_an_event_that_waits_for_its_retry_is_read_from_its_own_message() -> None:
    first = read_message(body(event()), CONNECT)
    again = first.copy(queue_name=f"{CONNECT}.DQ", options={"retries": 3, "eta": 1_795_143_600_000})
    found = read_message(again.encode(), f"{CONNECT}.DQ")
    assert found.kwargs == first.kwargs
    assert found.options["retries"] == 3
    assert found.message_id == "event-1"


@pytest.mark.parametrize(
    ("job", "queue"),
    [(RunSlice, SYNC), (KeepAlive, TOKENS), (FinishDisconnect, TOKENS), (ErasePayroll, TOKENS)],
)
def test_a_job_survives_the_way_over_the_wire(job: type[ConnectionJob], queue: str) -> None:
    message = job_message(job(ClinicId("clinic-1"), ConnectionId(7)))
    found = read_message(message.encode(), queue)
    assert isinstance(found, Message)
    assert found == message


def test_a_slice_goes_on_in_the_trace_that_it_is_part_of() -> None:
    message = job_message(RunSlice(ClinicId("clinic-1"), ConnectionId(7), TRACE))
    assert message.options["traceparent"][:35] == TRACE[:35]
    assert message.options["traceparent"] != TRACE
    assert message.kwargs == {"clinic_id": "clinic-1", "connection_id": 7}


NOT_MESSAGES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not_json"),
    "noise": (b"\x00\xff\xfe", "not_json"),
    "a word": (b"hello", "not_json"),
    "half an object": (body(native())[:-1], "not_json"),
    "text that is not UTF-8": (b'{"specversion": "\xff"}', "not_json"),
    "half a surrogate pair": (rb'{"specversion": "\ud800"}', "not_json"),
    "not a number": (b'{"a": NaN}', "not_json"),
    "a number that never ends": (b'{"a": 1e999999}', "not_json"),
    "deep nesting": (b"[" * 100_000, "not_json"),
    "deep nesting in an object": (b'{"specversion":' * 15_000, "not_json"),
    "too much": (b'"' + b"x" * MAX_BYTES + b'"', "too_large"),
    "a list": (b"[]", "not_an_object"),
    "a string": (b'"text"', "not_an_object"),
    "a number": (b"7", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "an empty object": (b"{}", "neither_event_nor_message"),
}


@pytest.mark.parametrize(("delivery", "code"), NOT_MESSAGES.values(), ids=NOT_MESSAGES)
def test_what_is_neither_event_nor_message_is_refused(delivery: bytes, code: str) -> None:
    assert refused(delivery) == code


POISON: dict[str, dict[str, Any]] = {
    "an extra field": native(extra=CANARY),
    "kwargs that are null": native(kwargs=None),
    "kwargs that are a list": native(kwargs=[CANARY]),
    "kwargs that are text": native(kwargs=CANARY),
    "args that are null": native(args=None),
    "args that are an object": native(args={}),
    "options that are null": native(options=None),
    "options that are a list": native(options=[]),
    "an actor that is a list": native(actor_name=["sync.slice"]),
    "an actor that is null": native(actor_name=None),
    "a queue that is a number": native(queue_name=7),
    "an id that is a number": native(message_id=7),
    "an id that is an object": native(message_id={}),
    "a time that is text": native(message_timestamp=CANARY),
    "a time that is null": native(message_timestamp=None),
    "a time that is a fraction": native(message_timestamp=0.5),
    "an actor that no row can name": native(actor_name="\0"),
    "a clinic that no row can name": native(kwargs={"clinic_id": "\0"}),
    "a connection that no row can name": native(kwargs={"connection_id": 2**63}),
    **{f"no {name}": {key: value for key, value in native().items() if key != name} for name in native()},
}


@pytest.mark.parametrize("document", POISON.values(), ids=POISON)
def test_a_message_that_dramatiq_could_not_bear_is_refused(document: dict[str, Any]) -> None:
    assert refused(body(document)) == "neither_event_nor_message"


@pytest.mark.parametrize("queue", ["allie-xero.tokens", "elsewhere", "allie-xero.sync.DQ", ""])
def test_a_message_for_a_queue_that_it_was_not_delivered_on_is_refused(queue: str) -> None:
    assert refused(body(native(queue_name=queue))) == "wrong_queue"


@pytest.mark.parametrize(
    "options",
    [
        {"eta": "soon"},
        {"eta": None},
        {"eta": 0.5},
        {"eta": [1]},
        {"retries": "3"},
        {"retries": None},
        {"retries": 0.5},
        {"waited": "3"},
    ],
    ids=str,
)
def test_options_that_decide_when_a_message_is_worked_are_numbers(options: dict[str, Any]) -> None:
    assert refused(body(native(options=options))) == "malformed_options"


def test_an_event_in_a_message_is_checked_like_one_by_itself() -> None:
    message = native(queue_name=CONNECT, actor_name="connection.complete", kwargs={"event": {"data": CANARY}})
    assert refused(body(message), CONNECT) == "malformed_event"
    assert refused(body({**message, "kwargs": {"event": CANARY}}), CONNECT) == "malformed_event"
    no_row = {"event": event(traceparent="\0")}
    assert refused(body({**message, "kwargs": no_row}), CONNECT) == "malformed_event"
    unknown = event(type="allie.xero.disconnect.v9")
    assert refused(body({**message, "kwargs": {"event": unknown}}), CONNECT) == "unknown_event_type"


@pytest.mark.parametrize(
    ("actor", "queue"),
    [("connection.complete", CONTROL), ("sync.request", CONNECT), ("sync.slice", SYNC), ("nobody", CONNECT)],
)
def test_an_event_in_a_message_goes_to_its_own_actor_only(actor: str, queue: str) -> None:
    message = native(queue_name=queue, actor_name=actor, kwargs={"event": event()})
    assert refused(body(message), queue) == "wrong_actor"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(CANARY) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_being_refused(noise: bytes) -> None:
    refused(noise)


@given(st.sampled_from([native(), event()]), st.integers(0, 10_000), st.integers(0, 255))
def test_no_damaged_byte_does_more_than_being_refused(document: dict[str, Any], at: int, byte: int) -> None:
    damaged = bytearray(body(document))
    damaged[at % len(damaged)] = byte
    with suppress(UnreadableMessage):
        read_message(bytes(damaged), SYNC)


@given(JSON)
def test_no_json_does_more_than_being_refused(document: object) -> None:
    refused(body(document))


@given(st.sampled_from(sorted(native())), JSON)
def test_a_message_is_refused_or_bears_the_types_that_dramatiq_relies_on(name: str, value: object) -> None:
    try:
        message = read_message(body({**native(), name: value}), SYNC)
    except UnreadableMessage:
        return
    assert message.queue_name == SYNC
    assert isinstance(message.actor_name, str)
    assert isinstance(message.args, tuple)
    assert isinstance(message.kwargs, dict)
    assert isinstance(message.options, dict)
    assert isinstance(message.message_id, str)
    assert isinstance(message.message_timestamp, int)
    assert isinstance(message.options.get("eta", 0), int)
