"""The dispatcher ends when it cannot make a row of a dead letter, and meets the same one again."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.dead_letters import SetAside
from entrypoints.dispatcher import dead_letter
from unit.workers.wire import event, native
from workers.queues import CONNECT

WHOLE = [json.dumps(one).encode() for one in (event(), native())]


@given(st.sampled_from(WHOLE), st.integers(0, 10_000), st.integers(0, 255))
def test_whatever_was_set_aside_can_be_spoken_of(whole: bytes, at: int, byte: int) -> None:
    body = bytearray(whole)
    body[at % len(body)] = byte
    letter = dead_letter(SetAside(CONNECT, bytes(body), "rejected"))
    assert (letter.size, letter.digest) == (len(body), hashlib.sha256(body).hexdigest())


def test_which_event_is_malformed_and_where_is_said() -> None:
    body = json.dumps(event(time="2026-11-20T03:00:00")).encode()
    letter = dead_letter(SetAside(CONNECT, body, "rejected"))
    assert (letter.code, letter.where) == ("malformed_event", "$.time")
    assert (letter.type, letter.event_id) == ("allie.xero.connect-completed.v1", "event-1")
