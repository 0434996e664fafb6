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
