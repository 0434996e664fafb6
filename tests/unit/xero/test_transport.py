import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.xero import transport as module
from adapters.xero.transport import Answer, CallSeen, Endpoints, Forbidden, Transport
from domain.asking import Asking, answer_of
from domain.errors import AnswerLost, AnswerUnreadable, XeroUnavailable
from unit.xero.server import ScriptedServer, Talk, answer, saying, serving

REAL = Endpoints()
LINK = "0b3c6a2e-1111-2222-3333-444455556666"
ALLOWED = [
    ("GET", "https://api.xero.com/connections"),
    ("GET", "https://api.xero.com/payroll.xro/1.0/Employees?page=1"),
    ("POST", "https://identity.xero.com/connect/token"),
    ("POST", "https://identity.xero.com/connect/revocation"),
    ("DELETE", f"https://api.xero.com/connections/{LINK}"),
]
REFUSED = [
    *(
        (method, url)
        for method in ("PUT", "PATCH", "HEAD", "OPTIONS", "get", "", "POST ")
        for _, url in ALLOWED
    ),
    ("POST", "https://api.xero.com/payroll.xro/1.0/Employees"),
    ("POST", "https://api.xero.com/payroll.xro/1.0/Timesheets/1"),
    ("POST", "https://api.xero.com/connections"),
    ("POST", "https://identity.xero.com/connect/token/"),
    ("POST", "https://identity.xero.com/connect/token?x=1"),
    ("POST", "http://identity.xero.com/connect/token"),
    ("POST", "https://identity.xero.com.evil.test/connect/token"),
    ("DELETE", "https://api.xero.com/connections"),
    ("DELETE", "https://api.xero.com/connections/"),
    ("DELETE", "https://api.xero.com/payroll.xro/1.0/Employees/1"),
    ("DELETE", f"https://api.xero.com/connections/{LINK}/more"),
    ("DELETE", f"https://api.xero.com/connections/{LINK}?x=1"),
    ("DELETE", "https://api.xero.com/connections/../payroll.xro/1.0/Timesheets/1"),
    ("DELETE", "https://api.xero.com/connections/%2e%2e/payroll.xro/1.0/Timesheets/1"),
    ("GET", "https://identity.xero.com/connect/token"),
    ("GET", "https://api.xero.com"),
    ("GET", "http://api.xero.com/connections"),
    ("GET", "https://api.xero.com.evil.test/connections"),
    ("GET", "https://api.xero.com@evil.test/connections"),
    ("GET", "https://evil.test/https://api.xero.com/"),
]


@pytest.mark.parametrize(("method", "url"), ALLOWED)
def test_what_this_service_needs_is_allowed(method: str, url: str) -> None:
    assert REAL.allows(method, url)


@pytest.mark.parametrize(("method", "url"), REFUSED)
def test_everything_else_is_refused(method: str, url: str) -> None:
    assert not REAL.allows(method, url)


@given(st.text(max_size=9), st.text(max_size=60))
def test_whatever_else_one_may_think_of_is_refused(method: str, path: str) -> None:
    assert not REAL.allows(method, path)
    if method != "GET":
        assert not REAL.allows(method, f"https://api.xero.com/{path}")


@contextmanager
def xero(talk: Talk) -> Iterator[tuple["Caller", ScriptedServer]]:
    with serving(talk) as server:
        caller = Caller(server.url)
        yield caller, server
        caller.transport.close()


class Caller:
    """A transport to a scripted server, and what it saw."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[CallSeen] = []
        endpoints = Endpoints(identity=url, api=url)
        self.transport = Transport(endpoints, observe=self.seen.append)

    def get(self, path: str = "/payroll.xro/1.0/Employees?page=1") -> Answer:
        return self.transport.request("GET", f"{self.url}{path}", headers={"Authorization": "Bearer secret"})


def test_a_refused_request_never_leaves() -> None:
    with xero(saying(answer())) as (caller, server):
        with pytest.raises(Forbidden, match="PUT /connections") as caught:
            caller.transport.request("PUT", f"{server.url}/connections?secret=1")
        assert "secret" not in str(caught.value)
        assert server.requests == []


def test_an_answer_is_read_to_its_end() -> None:
    talk = saying(answer(b'{"a": 1}', Xero_Correlation_Id="c-1", X_MinLimit_Remaining="59"))
    with xero(talk) as (caller, server):
        found = caller.get()
    assert (found.status, found.data, found.wire_bytes) == (200, b'{"a": 1}', 8)
    assert found.headers["x-minlimit-remaining"] == "59"
    [request] = server.requests
    assert request.startswith(b"GET /payroll.xro/1.0/Employees?page=1 HTTP/1.1\r\n")
    assert b"accept-encoding: gzip" in request.lower()


def test_a_call_is_seen_without_its_query_and_its_token() -> None:
    with xero(saying(answer(b"12345", Xero_Correlation_Id="c-1"))) as (caller, _):
        caller.get("/connections?token=secret")
    [seen] = caller.seen
    assert (seen.method, seen.path, seen.status) == ("GET", "/connections", 200)
    assert (seen.wire_bytes, seen.correlation_id) == (5, "c-1")
    assert seen.seconds >= 0
    assert "secret" not in repr(seen)


def test_a_form_is_sent_as_one() -> None:
    with xero(saying(answer())) as (caller, server):
        url = caller.transport.endpoints.token
        caller.transport.request(
            "POST", url, fields={"grant_type": "refresh_token", "refresh_token": "a b&c"}
        )
    [request] = server.requests
    assert b"content-type: application/x-www-form-urlencoded" in request.lower()


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_is_not_followed(status: str) -> None:
    with xero(saying(answer(b"", status, Location="/elsewhere"))) as (caller, server):
        assert caller.get().status == int(status[:3])
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Oops", "503 Unavailable"])
def test_no_answer_is_asked_for_twice(status: str) -> None:
    with xero(saying(answer(b"", status, Retry_After="1"))) as (caller, server):
        assert caller.get().status == int(status[:3])
        assert len(server.requests) == 1


def test_a_compressed_answer_is_unpacked_and_weighed_as_it_travelled() -> None:
    packed = gzip.compress(b"x" * 10_000)
    with xero(saying(answer(packed, Content_Encoding="gzip"))) as (caller, _):
        found = caller.get()
    assert found.data == b"x" * 10_000
    assert found.wire_bytes == len(packed)


@pytest.mark.parametrize("status", ["304 Not Modified", "204 No Content", "200 OK"])
def test_an_empty_answer_is_empty_however_it_was_to_be_packed(status: str) -> None:
    with xero(saying(answer(b"", status, Content_Encoding="gzip"))) as (caller, _):
        assert caller.get().data == b""


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"x" * 1_000)[:-9], gzip.compress(b"x" * 99)[:12]],
    ids=["not gzip", "cut at its end", "cut in its middle"],
)
def test_an_answer_that_is_not_the_gzip_it_says_is_unreadable(body: bytes) -> None:
    with xero(saying(answer(body, Content_Encoding="gzip"))) as (caller, _), pytest.raises(AnswerUnreadable):
        caller.get()


def test_a_gzip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 100_000)
    bomb = gzip.compress(bytes(10_000_000))
    assert len(bomb) < 100_000
    with (
        xero(saying(answer(bomb, Content_Encoding="gzip"))) as (caller, _),
        pytest.raises(AnswerUnreadable, match="too large"),
    ):
        caller.get()


def test_a_body_of_just_the_allowed_size_is_taken_and_a_larger_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 200_000)
    with xero(saying(answer(bytes(200_000)))) as (caller, _):
        assert len(caller.get().data) == 200_000
    with (
        xero(saying(answer(bytes(200_001)))) as (caller, _),
        pytest.raises(AnswerUnreadable, match="too large"),
    ):
        caller.get()
    assert caller.seen[-1].status is None


def endless(connection: socket.socket) -> None:
    """A body without end, in chunks."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1_000):
        connection.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")


def test_a_body_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 200_000)
    with xero(endless) as (caller, _), pytest.raises(AnswerUnreadable, match="too large"):
        caller.get()


class Dripping:
    """Something that never pauses for long and, unless it is cut off, comes to a good end too late."""

    def __init__(self, start: bytes, drop: bytes, end: bytes, pause: float = 0.01) -> None:
        self.start, self.drop, self.end, self.pause = start, drop, end, pause
        self.has_ended = False

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self.start)
        for _ in range(99):
            time.sleep(self.pause)
            connection.sendall(self.drop)
        connection.sendall(self.end)
        self.has_ended = True


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK + b"Content-Length: 1\r\n\r\nx"),
    "headers": (OK, b"X-Drop: 1\r\n", b"Content-Length: 1\r\n\r\nx"),
    "a body by length": (OK + b"Content-Length: 100\r\n\r\n", b"x", b"x"),
    "a body by close": (OK + b"Connection: close\r\n\r\n", b"x", b"x"),
    "chunks": (CHUNKED, b"1\r\nx\r\n", b"0\r\n\r\n"),
    "a chunk's size": (CHUNKED + b"1", b" ", b"\r\nx\r\n0\r\n\r\n"),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Drop: 1\r\n", b"\r\n"),
}


@pytest.mark.parametrize(("start", "drop", "end"), DRIPS.values(), ids=DRIPS)
def test_an_answer_that_drips_is_given_up_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, start: bytes, drop: bytes, end: bytes
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "LATE_S", 0.1)
    talk = Dripping(start, drop, end)
    with xero(talk) as (caller, _), pytest.raises(AnswerLost):
        caller.get()
    assert not talk.has_ended


@pytest.mark.parametrize(("start", "drop", "end"), DRIPS.values(), ids=DRIPS)
def test_an_answer_that_comes_in_drops_is_read_whole(start: bytes, drop: bytes, end: bytes) -> None:
    with xero(Dripping(start, drop, end, pause=0)) as (caller, _):
        found = caller.get()
    assert found.status == 200
    assert set(found.data) == {ord("x")}


CURIOUS: dict[str, tuple[bytes, bytes]] = {
    "an interim answer before it": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"{}",
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n{}", b"{}"),
    "no sensible length": (b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n{}", b"{}"),
    "chunks and a length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"{}",
    ),
    "chunks with extensions and trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"{}",
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    "nothing after it": (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", b""),
}


@pytest.mark.parametrize(("said", "body"), CURIOUS.values(), ids=CURIOUS)
def test_an_answer_may_be_written_in_other_ways(said: bytes, body: bytes) -> None:
    with xero(saying(said)) as (caller, _):
        assert caller.get().data == body


def test_of_names_the_letters_and_of_values_the_blanks_do_not_matter() -> None:
    with xero(saying(b"HTTP/1.1 200 OK\r\ncontent-LENGTH:  2  \r\nX-A:b:c\r\n\r\n{}")) as (caller, _):
        assert caller.get().headers == {"content-length": "2", "x-a": "b:c"}


def keep_alive(connection: socket.socket) -> None:
    """Answer request after request, as long as they come over this connection."""
    good = answer().replace(b"Connection: close\r\n", b"")
    connection.sendall(good)
    while connection.recv(65_536):
        connection.sendall(good)


def test_a_connection_is_kept_for_the_next_call() -> None:
    with xero(keep_alive) as (caller, server):
        assert [caller.get().status for _ in range(3)] == [200, 200, 200]
        caller.transport.close()
    assert len(server.requests) == 1, "the first of each connection is counted"


@pytest.mark.parametrize("rest", [b"", b"noise that nobody asked for"], ids=["closed", "noisy"])
def test_a_connection_that_is_closed_or_noisy_is_not_used_again(rest: bytes) -> None:
    talk = saying(answer().replace(b"Connection: close\r\n", b"") + rest)
    with xero(talk) as (caller, server):
        assert caller.get().status == 200
        time.sleep(0.05)  # for the end, or the noise, to arrive
        assert caller.get().status == 200
    assert len(server.requests) == 2


def silent(connection: socket.socket) -> None:
    """Nothing, until the other side gives up."""
    connection.recv(1)


LOST: dict[str, Callable[[socket.socket], None]] = {
    "silence": silent,
    "a closed connection": lambda _: None,
    "half a head": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Min"),
    "half a status": saying(b"HTTP/1."),
    "half a body": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"),
    "half a chunk": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345"),
    "chunks without an end": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n"),
    "chunks of no size": saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n12\r\n0\r\n\r\n"
    ),
    "interim answers only": saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "a head without end": saying(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n{}"),
    "a line without end": saying(b"HTTP/1.1 200 OK\r\nX-Long: " + bytes(100_000) + b"\r\n\r\n{}"),
    "trailers without end": saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n"
    ),
    "bare newlines": saying(b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "noise": saying(bytes(range(256))),
}


@pytest.mark.parametrize("talk", LOST.values(), ids=LOST)
def test_an_answer_that_never_came_whole_is_lost_since_the_request_was_sent(
    monkeypatch: pytest.MonkeyPatch, talk: Talk
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr(module, "LATE_S", 0.1)
    with xero(talk) as (caller, _), pytest.raises(AnswerLost) as caught:
        caller.get()
    assert caught.value.__suppress_context__
    assert caller.seen[-1].status is None


def test_a_request_that_was_never_sent_is_no_lost_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "http://{}:{}".format(*listener.getsockname())
    with pytest.raises(XeroUnavailable) as caught:
        Caller(url).get()
    assert not isinstance(caught.value, AnswerLost)


def test_a_name_that_does_not_resolve_is_an_outage() -> None:
    with pytest.raises(XeroUnavailable) as caught:
        Caller("http://xero.invalid").get()
    assert not isinstance(caught.value, AnswerLost)


def test_a_server_without_tls_is_not_talked_to_over_tls() -> None:
    with serving(saying(answer())) as server:
        caller = Caller(server.url.replace("http:", "https:"))
        with pytest.raises(XeroUnavailable):
            caller.get()
    assert not any(b"Bearer" in request for request in server.requests)


@settings(max_examples=30)
@given(st.binary(max_size=400))
def test_no_answer_does_more_than_being_refused(noise: bytes) -> None:
    for head in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"):
        with xero(saying(head + noise)) as (caller, _):
            try:
                found = caller.get()
            except (XeroUnavailable, AnswerUnreadable):
                continue
            assert isinstance(found.status, int)


def calling(caller: Caller) -> Asking[Answer]:
    """A call that is on its way."""
    call = caller.transport.call("GET", f"{caller.url}/connections")
    next(call)
    return call


def test_an_answer_that_lay_there_while_another_was_waited_for_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.1)
    with xero(saying(answer(b"{}"))) as (caller, _):
        call = calling(caller)
        time.sleep(0.3)
        assert answer_of(call).data == b"{}"


def test_what_does_not_come_while_another_is_waited_for_is_not_waited_for_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 1.0)
    monkeypatch.setattr(module, "LATE_S", 0.05)
    with xero(silent) as (caller, _):
        calls = [calling(caller) for _ in range(4)]
        for call in calls:
            with pytest.raises(AnswerLost):
                answer_of(call)
    assert caller.seen[-1].seconds < 4 * module.READ_TIMEOUT_S, "each has had its time beside the others"


def test_a_call_that_is_given_up_is_seen_and_its_connection_not_used_again() -> None:
    with xero(keep_alive) as (caller, server):
        calling(caller).close()
        assert [seen.status for seen in caller.seen] == [None]
        assert caller.get().status == 200
    assert len(server.requests) == 2


@pytest.mark.parametrize("value", ["a\r\nX-More: 1", "a\nX-More: 1", "a\rb"])
def test_no_value_begins_a_line_of_its_own(value: str) -> None:
    with xero(saying(answer())) as (caller, server):
        for headers in ({"Xero-Tenant-Id": value}, {value: "1"}):
            with pytest.raises(Forbidden):
                caller.transport.request("GET", f"{server.url}/connections", headers=headers)
        with pytest.raises(Forbidden):
            caller.transport.request("GET", f"{server.url}/{value}")
    assert server.requests == []
