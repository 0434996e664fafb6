"""A plain app's view of the simulator: calls with a token, on the standard library alone."""

import base64
import gzip
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any
from urllib.parse import urlencode

from simulator.client import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Control, Organisation


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever the status."""

    status: int
    headers: Message
    wire: bytes

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        return gzip.decompress(self.wire) if self.headers["content-encoding"] == "gzip" else self.wire

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the simulator for one organisation; see `connected`."""

    url: str
    token: str = field(repr=False)
    tenant: str | None

    def get(self, path: str, headers: dict[str, str] | None = None, /, **query: object) -> Answer:
        """GET a path below the host."""
        address = path + (f"?{urlencode(query)}" if query else "")
        return self.call("GET", address, headers=headers)

    def au(self, resource: str, headers: dict[str, str] | None = None, /, **query: object) -> Answer:
        """GET a resource of Payroll AU v1."""
        return self.get(f"/payroll.xro/1.0/{resource}", headers, **query)

    def payroll(self, resource: str, **query: object) -> Answer:
        """GET a resource of the newer payroll API."""
        return self.get(f"/payroll.xro/2.0/{resource}", **query)

    def call(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Any call; redirects are not followed, and no status raises."""
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        if self.tenant:
            sent["Xero-Tenant-Id"] = self.tenant
        data = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(  # noqa: S310 -- a simulator's address
            self.url + path, data, sent | (headers or {}), method=method
        )
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def with_token(self, token: str) -> "Caller":
        """The same with another token."""
        return replace(self, token=token)


def connected(control: Control, organisation: Organisation, **consent: Any) -> Caller:
    """A caller for an organisation whose owner has just consented."""
    token_set = control.token_set(organisation, **consent)
    return Caller(control.url, token_set["access_token"], organisation.tenant_id)


def ask_for_token(control: Control, form: dict[str, str], *, basic: bool = False) -> Answer:
    """A call of the token endpoint by the simulator's own app."""
    if basic:
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
    else:
        headers = {"Authorization": ""}
        form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **form}
    return Caller(control.url, "", None).call("POST", "/connect/token", form=form, headers=headers)


def exchange(control: Control, code: str, **more: str) -> Answer:
    """Exchange a code for a token set."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    return ask_for_token(control, form | more)


def refresh(control: Control, token: str) -> Answer:
    """Exchange a refresh token for the next token set."""
    return ask_for_token(control, {"grant_type": "refresh_token", "refresh_token": token})


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
