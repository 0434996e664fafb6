"""
The authorise request: OAuth 2.0's code flow with `state` and PKCE.

RFC 6749, 4.1.1; RFC 7636; https://developer.xero.com/documentation/guides/oauth2/auth-flow.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from domain.model.consent import IDENTITY_SCOPES, REQUIRED_SCOPES

SCOPES = tuple(sorted(IDENTITY_SCOPES)) + tuple(sorted(REQUIRED_SCOPES - IDENTITY_SCOPES))
"""All that is asked for: who consents, a refresh token, and reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """
    One authorise request and what is kept of it for the answer.

    Attributes:
        login_url: where Xero asks people, without the path.
        redirect_uri: where Xero is to send them, to the letter as it is registered with the app.
        state: comes back with the answer; an answer without it was not asked for.
        code_verifier: proves to the token endpoint that the code is ours; None without PKCE.
    """

    login_url: str
    client_id: str
    redirect_uri: str
    state: str = field(repr=False)
    code_verifier: str | None = field(repr=False)

    @property
    def url(self) -> str:
        """Where to send the browser."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(SCOPES),
            "state": self.state,
        }
        if self.code_verifier is not None:
            digest = hashlib.sha256(self.code_verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self.login_url}/identity/connect/authorize?{urlencode(query)}"

    def is_mine(self, state: str) -> bool:
        """Whether an answer with this `state` belongs to this request."""
        return hmac.compare_digest(state.encode(), self.state.encode())


def new_asking(login_url: str, client_id: str, redirect_uri: str, *, pkce: bool) -> Asking:
    """A request with secrets of its own."""
    return Asking(
        login_url=login_url,
        client_id=client_id,
        redirect_uri=redirect_uri,
        state=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(64) if pkce else None,
    )
