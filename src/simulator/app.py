"""The ASGI application: every request is noted, meets its faults, is answered and sent."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from simulator.api.gateway import Exchange
from simulator.control import control_application
from simulator.faults import Fault, altered, instead
from simulator.identity import consent, endpoints
from simulator.identity.service import Unauthenticated
from simulator.identity.tokens import Family, fingerprint
from simulator.ledger import Visit
from simulator.payroll.clinic import Clinic
from simulator.replies import Reply, Request, refusal
from simulator.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRANSPORT = "simulator.transport"
_TOKEN = "/connect/token"  # noqa: S105 -- a path
_HTML = (b"content-type", b"text/html; charset=utf-8")
_WORTH_COMPRESSING = 1_000
_IDENTITY: dict[tuple[str, str], endpoints.Handler] = {
    ("GET", "/identity/connect/authorize"): consent.page,
    ("POST", "/identity/connect/authorize"): consent.decision,
    ("POST", _TOKEN): endpoints.token,
    ("POST", "/connect/revocation"): endpoints.revocation,
    ("GET", "/connect/userinfo"): endpoints.user_info,
    ("GET", "/connections"): endpoints.connections,
    ("DELETE", "/connections/{}"): endpoints.delete_connection,
    ("GET", "/.well-known/openid-configuration"): endpoints.configuration,
    ("GET", "/.well-known/openid-configuration/jwks"): endpoints.key_set,
}
_LINGER_ZERO = struct.pack("ii", 1, 0)  # close with a reset


class _Dropped(Exception):
    """The connection is to be reset."""


class Application:
    """A Xero on one port."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = control_application(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].startswith("/_sim"):
            await self._control(scope, receive, send)
            return
        world = self._world
        request = await _read(scope, receive)
        tenant = request.header(b"xero-tenant-id")
        visit = world.ledger.arrive(request.method, request.path, request.raw_query, tenant, world.clock())
        family = self._presented(request, visit)
        try:
            await self._answer(request, visit, receive, _Wire(world, scope, send, request, visit))
        except _Dropped:
            await _reset(scope, receive)
        finally:
            world.ledger.leave(visit)
            if family is not None:
                family.in_flight -= 1

    def _presented(self, request: Request, visit: Visit) -> Family | None:
        """Note which token family a token request belongs to, and whether another is in flight."""
        if request.path != _TOKEN:
            return None
        form = request.form
        value = form.get("refresh_token") or form.get("code") or ""
        visit.token = fingerprint(value)
        family = self._world.identity.tokens.family_of(value)
        if family is not None:
            family.in_flight += 1
            visit.overlap = family.in_flight > 1
            family.overlaps += visit.overlap
        return family

    async def _answer(self, request: Request, visit: Visit, receive: Receive, wire: "_Wire") -> None:
        world, settings = self._world, self._world.settings
        faults = world.faults.hitting(request.method, request.path, visit.tenant)
        visit.faults = tuple(fault.kind for fault in faults)
        latency = settings.token_latency if request.path == _TOKEN else settings.latency
        if latency:
            await asyncio.sleep(latency)
        reply, instance = None, world.correlation()
        for fault in faults:
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "hang":
                await _hang(receive, fault.seconds)
            elif fault.kind == "reset":
                raise _Dropped
            elif fault.kind == "page_loop":
                request.raw_query = urlencode({**request.query, "page": 1})
            reply = reply or instead(fault)
        reply = reply or self._reply(request, visit, instance, faults)
        for fault in faults:
            if fault.kind == "lost":
                raise _Dropped
            reply = altered(fault, reply)
        cut = next((fault for fault in faults if fault.kind == "cut"), None)
        await wire.send(reply, instance, cut, receive)

    def _reply(self, request: Request, visit: Visit, instance: str, faults: list[Fault]) -> Reply:
        path = request.path.lower().rstrip("/")
        if path.startswith(("/api.xro/2.0/", "/payroll.xro/1.0/", "/payroll.xro/2.0/")):
            exchange = Exchange(self._world, request, visit, instance, self._world.clock())
            return exchange.reply(lambda clinic: self._shown(clinic, faults))
        if request.method == "DELETE" and path.startswith("/connections/"):
            path = "/connections/{}"
        handler = _IDENTITY.get((request.method, path))
        if handler is None:
            return Reply(404, b"<h1>Not found</h1>", [_HTML])
        try:
            return handler(self._world, request, instance)
        except Unauthenticated as error:
            return refusal(401, str(error), instance)

    def _shown(self, clinic: Clinic, faults: list[Fault]) -> Clinic:
        """The organisation whose data is shown: another one of the region, if a fault says so."""
        for fault in faults:
            if fault.kind == "wrong_tenant":
                others = [c for c in self._world.clinics.values() if c is not clinic]
                chosen = [c for c in others if fault.other_tenant in (None, c.organisation.id)]
                return next((c for c in chosen if c.rules is clinic.rules), clinic)
        return clinic


class _Wire:
    """Sends a reply and notes what went over the wire."""

    def __init__(self, world: World, scope: Scope, send: Send, request: Request, visit: Visit) -> None:
        self._world, self._scope, self._send = world, scope, send
        self._request, self._visit = request, visit

    async def send(self, reply: Reply, instance: str, cut: Fault | None, receive: Receive) -> None:
        body, encoding = self._encoded(reply)
        headers = [
            (b"date", format_datetime(self._world.clock(), usegmt=True).encode()),
            (b"xero-correlation-id", instance.encode()),
            (b"content-length", b"%d" % len(body)),
            *reply.headers,
            *encoding,
        ]
        visit = self._visit
        visit.status = reply.status
        visit.bytes_decoded = len(reply.head) + (len(reply.content.plain) if reply.content else 0)
        visit.bytes_sent = _head_size(reply.status, headers) + len(body)
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if cut is None:
            await self._send({"type": "http.response.body", "body": body})
            return
        part = body[: int(len(body) * cut.fraction)]
        visit.bytes_sent -= len(body) - len(part)
        await self._send({"type": "http.response.body", "body": part, "more_body": True})
        self._scope[TRANSPORT].close()
        await _gone(receive)

    def _encoded(self, reply: Reply) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        accepted = b"gzip" in self._request.headers.get(b"accept-encoding", b"")
        if not accepted or not self._world.settings.gzip:
            return reply.plain(), []
        encoding = [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        if reply.content is not None:
            return reply.content.gzipped(reply.head), encoding
        if len(reply.head) > _WORTH_COMPRESSING:
            return gzip.compress(reply.head, 1, mtime=0), encoding
        return reply.head, []


async def _read(scope: Scope, receive: Receive) -> Request:
    headers = dict(scope["headers"])
    body = b""
    more = b"content-length" in headers or b"transfer-encoding" in headers
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, body)


def _head_size(status: int, headers: list[tuple[bytes, bytes]]) -> int:
    line = len(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in headers) + 2


async def _gone(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang(receive: Receive, seconds: float) -> None:
    """Say nothing until the client leaves or the time is over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(_gone(receive), seconds)
    raise _Dropped


async def _reset(scope: Scope, receive: Receive) -> None:
    transport = scope[TRANSPORT]
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
    await _gone(receive)
