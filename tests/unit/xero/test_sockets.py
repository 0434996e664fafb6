"""Which connections to Xero are used again."""

import socket
import time
from collections.abc import Iterator

import pytest

from adapters.xero import transport
from adapters.xero.sockets import FRESH_S, Sockets
from adapters.xero.transport import Endpoints, Transport
from domain.errors import AnswerLost, XeroUnavailable

NOBODY = "http://127.0.0.1:9"

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [socket.socketpair() for _ in range(3)]
    yield made
    for pair in made:
        for one in pair:
            one.close()


@pytest.fixture
def kept(pairs: list[Pair]) -> Sockets:
    sockets = Sockets(ca_file=None, keep=8, connect_timeout=0.5)
    for ours, _ in pairs:
        sockets.give_back(NOBODY, ours)
    return sockets


def test_the_one_used_last_is_used_again_first(kept: Sockets, pairs: list[Pair]) -> None:
    assert [kept.take(NOBODY) for _ in pairs] == [ours for ours, _ in reversed(pairs)]
    with pytest.raises(XeroUnavailable):
        kept.take(NOBODY)


def test_one_that_was_closed_or_speaks_unasked_is_not_used(kept: Sockets, pairs: list[Pair]) -> None:
    pairs[2][1].close()
    pairs[1][1].sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert kept.take(NOBODY) is pairs[0][0]


def test_one_that_was_idle_for_long_is_not_used(
    kept: Sockets, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = time.monotonic() + FRESH_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(XeroUnavailable):
        kept.take(NOBODY)
    assert {ours.fileno() for ours, _ in pairs} == {-1}


def test_after_a_silence_none_that_was_idle_meanwhile_is_used(
    kept: Sockets, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a firewall between has lost its memory: each would be silent for as long, one after another."""
    monkeypatch.setattr(transport, "READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr(transport, "Sockets", lambda **_: kept)
    to_xero = Transport(Endpoints(NOBODY, NOBODY), observe=lambda _: None)
    with pytest.raises(AnswerLost):
        to_xero.request("GET", f"{NOBODY}/connections")
    assert {ours.fileno() for ours, _ in pairs} == {-1}
    with pytest.raises(XeroUnavailable):
        to_xero.request("GET", f"{NOBODY}/connections")
