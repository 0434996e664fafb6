"""Requests as a probe makes them: any GET about one organisation."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from adapters.xero.probing.shapes import KINDS, shape_of
from adapters.xero.transport import Answer, Transport
from domain.errors import AnswerUnreadable
from domain.model.connection import Region, Tenant
from domain.model.probing import AskedOnce
from domain.model.tokens import Access

KEPT_HEADERS = (
    "content-encoding",
    "content-type",
    "www-authenticate",
    "retry-after",
    "x-rate-limit-problem",
    "x-minlimit-remaining",
    "x-daylimit-remaining",
    "x-appminlimit-remaining",
)
"""What of an answer's headers is kept, with their values; none names anybody."""

PROBLEM_FIELDS = ("Type", "Title", "Status", "Detail", "ErrorNumber", "title", "status", "detail", "type")
PLAIN = re.compile(r"[A-Za-z ,.:'-]{1,80}")
"""A refusal's words are kept where they are plain words: quoted values have digits, quotes or signs."""

TOO_MANY = 429
LONGEST_WAIT_S = 60.0
"""The minute's limit passes within a minute; a sync may be at it too."""

ACCOUNTING = "/api.xro/2.0"
PAYROLL = {Region.AU: "/payroll.xro/1.0", Region.NZ: "/payroll.xro/2.0", Region.UK: "/payroll.xro/2.0"}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer while its fact is being found; it is not kept."""

    status: int
    headers: Mapping[str, str]
    document: Any

    def records(self, *path: str) -> list[dict[str, Any]]:
        """The list of records below some names; empty where there is none."""
        found = self.document
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class Asker:
    """Asks about one organisation with one access token, and notes each request without any value."""

    def __init__(
        self, transport: Transport, tenant: Tenant, access: Access, *, wait: Callable[[float], None]
    ) -> None:
        self.tenant = tenant
        self.access = access
        self.notes: list[AskedOnce] = []
        self._transport = transport
        self._wait = wait
        self._known: dict[tuple[str, str | None], Said] = {}

    def accounting(self, path: str, **query: object) -> Said:
        """Ask the accounting API."""
        return self.get(f"{ACCOUNTING}/{path}", query)

    def payroll(self, path: str, *, since: str | None = None, **query: object) -> Said:
        """Ask the payroll API of the organisation's region; `since` is sent as If-Modified-Since."""
        return self.get(f"{PAYROLL[self.tenant.region]}/{path}", query, since)

    def get(self, path: str, query: Mapping[str, object] | None = None, since: str | None = None) -> Said:
        """One GET; the same again is answered from memory."""
        asked = f"{path}?{urlencode(query)}" if query else path
        if (asked, since) not in self._known:
            self._known[asked, since] = self._ask(asked, {"If-Modified-Since": since} if since else {})
        return self._known[asked, since]

    def _ask(self, asked: str, more: Mapping[str, str]) -> Said:
        headers = {
            "Authorization": f"Bearer {self.access.token.reveal()}",
            "Xero-Tenant-Id": self.tenant.id,
            "Accept": "application/json",
            **more,
        }
        url = f"{self._transport.endpoints.api}{asked}"
        answer = self._transport.request("GET", url, headers=headers)
        while answer.status == TOO_MANY and (advice := _seconds(answer)) <= LONGEST_WAIT_S:
            self._wait(advice)
            answer = self._transport.request("GET", url, headers=headers)
        said = Said(answer.status, answer.headers, _document(answer))
        self.notes.append(_note(KINDS["uuid"].sub("{id}", asked), list(more), answer, said))
        return said


def _seconds(answer: Answer) -> float:
    """How long Xero says to wait, if it says it; a day's limit is not waited for."""
    said = answer.headers.get("retry-after", "")
    return float(said[:9]) if said.isascii() and said.isdigit() else math.inf


def _document(answer: Answer) -> Any:
    """The answer's JSON; None for an answer that holds none, unless it should."""
    try:
        return json.loads(answer.data) if answer.data else None
    except (ValueError, RecursionError):
        if answer.status < 400:  # noqa: PLR2004
            raise AnswerUnreadable("Xero's answer is not what it should be") from None
        return None


def _note(path: str, more: list[str], answer: Answer, said: Said) -> AskedOnce:
    kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    if said.status >= 400:  # noqa: PLR2004
        kept |= problem_of(said.document)
    return AskedOnce(
        path=path,
        headers=more,
        status=answer.status,
        answered=kept,
        wire_bytes=answer.wire_bytes,
        body_bytes=len(answer.data),
        shape=shape_of(said.document),
    )


def problem_of(document: Any) -> dict[str, str]:
    """What a refusal says in plain words."""
    found = document.get("problem") or document if isinstance(document, dict) else {}
    said = {name: str(found.get(name)) for name in PROBLEM_FIELDS if found.get(name) is not None}
    return {name: text for name, text in said.items() if PLAIN.fullmatch(text) or text.isdigit()}
