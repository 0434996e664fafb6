"""
The one door to Xero: GET, and three named exceptions.

It sends what xero-python builds, in place of that one's connection pool, which follows redirects, sleeps on
`Retry-After` inside a worker's thread, has no timeouts and reads bodies of any size
(https://github.com/XeroAPI/xero-python, rest.py; urllib3's default `Retry`).
"""

import re
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from adapters.xero.responses import Response
from adapters.xero.sockets import Sockets
from domain.asking import Asking, answer_of
from domain.errors import AnswerLost, AnswerUnreadable

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 25.0
LATE_S = 1.0
"""What an answer still gets that lay unread while another was waited for."""

MAX_BODY_BYTES = 16 * 1024 * 1024

LINK_ID = re.compile(r"[0-9A-Za-z-]+")
"""Of the links that are deleted: nothing in it can lead to another path."""


Fields = Mapping[str, str] | Sequence[tuple[str, object]]


class Forbidden(Exception):
    """A request that this service never makes; a bug, stopped before it leaves."""


class CallSeen(NamedTuple):
    """One call to Xero, for logs and metrics: no query, no body, no tenant."""

    method: str
    path: str
    status: int | None
    seconds: float
    wire_bytes: int
    correlation_id: str | None


Observe = Callable[[CallSeen], None]


class Answer(NamedTuple):
    """What came back, read to its end; `wire_bytes` counts the body as it travelled."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    wire_bytes: int


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Xero is: `https://identity.xero.com` and `https://api.xero.com`, or a simulator."""

    identity: str = "https://identity.xero.com"
    api: str = "https://api.xero.com"

    @property
    def token(self) -> str:
        """Exchanges codes and refreshes tokens."""
        return f"{self.identity}/connect/token"

    @property
    def revocation(self) -> str:
        """Revokes a refresh token."""
        return f"{self.identity}/connect/revocation"

    @property
    def connections(self) -> str:
        """Lists and deletes the links between users, our app and tenants."""
        return f"{self.api}/connections"

    def allows(self, method: str, url: str) -> bool:
        """Whether this service may make such a request."""
        if method == "GET":
            return url.startswith(f"{self.api}/")
        if method == "POST":
            return url in (self.token, self.revocation)
        folder, _, name = url.rpartition("/")
        return method == "DELETE" and folder == self.connections and LINK_ID.fullmatch(name) is not None


class Transport:
    """
    Sends requests; safe to share between threads, as it holds sockets and nothing of any clinic.

    Raises XeroUnavailable when nothing was sent, AnswerLost when it may have been, AnswerUnreadable for a
    body that is too large or garbled.
    """

    def __init__(
        self, endpoints: Endpoints, *, observe: Observe, ca_file: str | None = None, pool_size: int = 32
    ) -> None:
        self.endpoints = endpoints
        self._observe = observe
        self._sockets = Sockets(ca_file=ca_file, keep=pool_size, connect_timeout=CONNECT_TIMEOUT_S)

    def close(self) -> None:
        """Let go of every socket."""
        self._sockets.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Fields | None = None,
    ) -> Answer:
        """One call, waited for: see `call`."""
        return answer_of(self.call(method, url, headers=headers, fields=fields))

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Fields | None = None,
    ) -> Asking[Answer]:
        """One call; `fields` go into the query of a GET, and into the body of a POST."""
        if not self.endpoints.allows(method, url):
            raise Forbidden(f"{method} {urlsplit(url).path}")
        origin, target = _split(url)
        body = ""
        headers = {**(headers or {}), "Accept-Encoding": "gzip"}
        if method == "POST":
            body = urlencode(fields or {})
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        elif fields:
            target = f"{target}?{urlencode(fields)}"
        written = _written(method, origin, target, headers, body)
        started = time.monotonic()
        found: Answer | None = None
        try:
            found = yield from self._exchange(origin, written, started + READ_TIMEOUT_S)
            return found
        finally:
            self._observe(
                CallSeen(
                    method=method,
                    path=target.partition("?")[0],
                    status=found.status if found else None,
                    seconds=time.monotonic() - started,
                    wire_bytes=found.wire_bytes if found else 0,
                    correlation_id=found.headers.get("xero-correlation-id") if found else None,
                )
            )

    def _exchange(self, origin: str, written: bytes, deadline: float) -> Asking[Answer]:
        sock = self._sockets.take(origin)
        is_reusable = False
        try:
            sock.settimeout(READ_TIMEOUT_S)
            sock.sendall(written)
            yield
            response = Response(sock, max(deadline, time.monotonic() + LATE_S))
            response.begin()
            raw = _read(response)
            is_reusable = response.leaves_open
        except (OSError, HTTPException) as error:
            self._sockets.drop(origin)
            raise AnswerLost(f"no answer from Xero ({type(error).__name__})") from None
        finally:
            if is_reusable:
                self._sockets.give_back(origin, sock)
            else:
                sock.close()
        return Answer(response.status, response.headers, _decoded(raw, response.headers), len(raw))


def _written(method: str, origin: str, target: str, headers: Mapping[str, str], body: str) -> bytes:
    """A request as HTTP/1.1 writes it; nothing in it can end a line but its own end."""
    host = origin.partition("://")[2]
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\n".join(lines)
    if head.count("\n") >= len(lines) or "\r" in head or " " in target:
        raise Forbidden("a request that is not one")
    return f"{head}\n\n".replace("\n", "\r\n").encode("latin-1") + body.encode()


def _split(url: str) -> tuple[str, str]:
    """The origin of a URL that is allowed, and the rest from its path on."""
    end = url.index("/", url.index("://") + 3)
    return url[:end], url[end:]


def _read(response: Response) -> bytes:
    """The body as it travelled, within size."""
    pieces = []
    size = 0
    for piece in response.pieces():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise AnswerUnreadable("Xero's answer is too large")
    return b"".join(pieces)


def _decoded(raw: bytes, headers: Mapping[str, str]) -> bytes:
    if not raw or headers.get("content-encoding", "identity") != "gzip":
        return raw
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        data = inflater.decompress(raw, MAX_BODY_BYTES)
    except zlib.error:
        raise AnswerUnreadable("Xero's answer is not the gzip it says it is") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise AnswerUnreadable("Xero's answer is too large, or cut short")
    return data
