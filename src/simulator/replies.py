"""Requests and replies as the simulator's parts see them."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from simulator.api.content import Content, compact

Headers = list[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json; charset=utf-8")


@dataclass(slots=True)
class Request:
    """A request, read; header names are in lower case."""

    method: str
    path: str
    raw_query: str
    headers: dict[bytes, bytes]
    body: bytes = b""

    def header(self, name: bytes) -> str | None:
        """A header's text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True)) if self.raw_query else {}

    @property
    def form(self) -> dict[str, str]:
        """The body's form fields."""
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))


@dataclass(slots=True)
class Reply:
    """A status, headers, and a body: `head` alone, or followed by a content that many replies share."""

    status: int
    head: bytes = b""
    headers: Headers = field(default_factory=list)
    content: Content | None = None

    def plain(self) -> bytes:
        """The whole body, not compressed."""
        return self.head + self.content.plain if self.content else self.head


def json_reply(status: int, document: object, headers: Headers | None = None) -> Reply:
    """A small JSON answer."""
    return Reply(status, compact(document), [JSON, *(headers or [])])


def refusal(status: int, detail: str, instance: str, headers: Headers | None = None) -> Reply:
    """The gateway's own error body."""
    document: dict[str, Any] = {
        "Type": None,
        "Title": HTTPStatus(status).phrase,
        "Status": status,
        "Detail": detail,
        "Instance": instance,
        "Extensions": {},
    }
    return json_reply(status, document, headers)
