"""Xero's identity service: codes, tokens and the links they stand for."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.xero import values
from adapters.xero.statuses import fault_of, retry_after
from adapters.xero.transport import Answer, Transport
from domain.errors import (
    AnswerLost,
    AnswerUnreadable,
    ClientRejected,
    GrantRejected,
    Limit,
    RateLimited,
    RecordNotFound,
    ScopeMissing,
    XeroUnavailable,
)
from domain.messages import AuthorizationCode
from domain.model.consent import Consent, XeroConnection
from domain.model.ids import TenantId, XeroConnectionId, XeroUserId
from domain.model.tokens import Access, Secret, TokenSet
from domain.ports import Clock

ACCESS_LIFE_S = 1800.0
"""Xero's access tokens live 30 minutes; nothing longer is believed."""


class TokenAnswer(msgspec.Struct):
    """The token endpoint's answer; odd lives are taken as over, so that good tokens are never lost."""

    access_token: str
    refresh_token: str | None = None
    id_token: str | None = None
    expires_in: int | float | str | None = None
    scope: str | list[str] | None = None


class OAuthError(msgspec.Struct):
    """RFC 6749, 5.2."""

    error: str | None = None


class Link(msgspec.Struct):
    """One entry of `/connections`."""

    id: str
    tenantId: str
    tenantType: str | None = None
    tenantName: str | None = None
    authEventId: str | None = None


class XeroAuthorizer:
    """See `domain.ports.Authorizer`."""

    def __init__(self, transport: Transport, *, client_id: str, client_secret: Secret, clock: Clock) -> None:
        self._transport = transport
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock

    def exchange(self, grant: AuthorizationCode) -> Consent:
        """Turn an authorisation code into a token set."""
        fields = {
            "grant_type": "authorization_code",
            "code": grant.code.reveal(),
            "redirect_uri": grant.redirect_uri,
        }
        if grant.code_verifier is not None:
            fields["code_verifier"] = grant.code_verifier.reveal()
        answer = _decode(self._post(self._transport.endpoints.token, fields), TokenAnswer)
        if answer.refresh_token is None:
            raise ScopeMissing("the consent does not cover offline access")
        tokens = _token_set(answer)
        return _consent(tokens, _claims(answer.id_token) if answer.id_token else {})

    def refresh(self, refresh_token: Secret) -> TokenSet:
        """Present a refresh token and get its successor; it is rotated from here on."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return _token_set(_decode(self._post(self._transport.endpoints.token, fields), TokenAnswer))

    def revoke(self, refresh_token: Secret) -> None:
        """Drop the token, and with it every connection of its user to our app."""
        self._post(self._transport.endpoints.revocation, {"token": refresh_token.reveal()})

    def describe(self, tokens: TokenSet) -> Consent:
        """What a token set handed to us says of its consent."""
        return _consent(tokens, {})

    def connections(self, access: Access) -> Sequence[XeroConnection]:
        """Every tenant that this user ever linked to our app."""
        answer = self._authorised("GET", self._transport.endpoints.connections, access)
        return [
            XeroConnection(
                id=XeroConnectionId(link.id),
                tenant_id=TenantId(link.tenantId),
                tenant_name=link.tenantName or "",
                is_organisation=link.tenantType == "ORGANISATION",
                consent_event=link.authEventId,
            )
            for link in _decode(answer, list[Link])
        ]

    def delete_connection(self, access: Access, connection: XeroConnectionId) -> None:
        """End one link; that it is gone already is no error."""
        url = f"{self._transport.endpoints.connections}/{connection}"
        try:
            self._authorised("DELETE", url, access)
        except RecordNotFound:
            return

    def _authorised(self, method: str, url: str, access: Access) -> Answer:
        headers = {"Authorization": f"Bearer {access.token.reveal()}", "Accept": "application/json"}
        answer = self._transport.request(method, url, headers=headers)
        fault = fault_of(answer, self._clock())
        if fault is not None:
            raise fault
        return answer

    def _post(self, url: str, fields: Mapping[str, str]) -> Answer:
        """Send a form with client authentication by header (RFC 6749, 2.3.1)."""
        pair = f"{self._client_id}:{self._client_secret.reveal()}"
        basic = base64.b64encode(pair.encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        answer = self._transport.request("POST", url, headers=headers, fields=dict(fields))
        if answer.status != 200:  # noqa: PLR2004
            raise _refusal(answer, self._clock())
        return answer


def _refusal(answer: Answer, now: datetime) -> Exception:
    """Why the token endpoint said no: the grant is dead, we are not who we say, or it is an outage."""
    if answer.status == 429:  # noqa: PLR2004
        return RateLimited(Limit.APP_MINUTE, retry_after(answer.headers, now))
    if answer.status >= 500:  # noqa: PLR2004
        return AnswerLost("Xero's identity service has an outage", status=answer.status)
    try:
        error = msgspec.json.decode(answer.data, type=OAuthError).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = None
    if error == "invalid_grant":
        return GrantRejected("Xero does not accept this code or token any more")
    if error in ("invalid_client", "unauthorized_client") or answer.status in (401, 403):
        return ClientRejected("Xero does not accept our client id or secret; check both settings")
    return XeroUnavailable("Xero's identity service refuses the request", status=answer.status)


def _decode(answer: Answer, type_: Any) -> Any:
    try:
        return msgspec.json.decode(answer.data, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise AnswerUnreadable("Xero's answer is not what it should be") from None


def _token_set(answer: TokenAnswer) -> TokenSet:
    if not answer.refresh_token or not answer.access_token:
        raise AnswerUnreadable("Xero's answer holds no token set")
    scope = answer.scope if answer.scope is not None else _claims(answer.access_token).get("scope")
    return TokenSet(
        access_token=Secret(answer.access_token),
        refresh_token=Secret(answer.refresh_token),
        life=_life(answer.expires_in),
        scopes=_scopes(scope),
    )


def _scopes(scope: object) -> frozenset[str]:
    listed = scope.split() if isinstance(scope, str) else scope
    return (
        frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else frozenset()
    )


def _life(expires_in: float | str | None) -> timedelta:
    try:
        seconds = float(expires_in if expires_in is not None else 0)
    except (ValueError, OverflowError):
        seconds = 0.0
    return timedelta(seconds=min(max(0.0, seconds), ACCESS_LIFE_S))


def _claims(token: str) -> dict[str, Any]:
    """
    The payload of a JWT, unverified, as it came from Xero's own endpoint over TLS; empty where it is none.

    See OpenID Connect Core, 3.1.3.7.
    """
    try:
        payload = token.split(".")[1]
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = msgspec.json.decode(decoded)
    except (IndexError, ValueError, RecursionError, msgspec.DecodeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _consent(tokens: TokenSet, identity: Mapping[str, Any]) -> Consent:
    """Who consented, and in which consent: the event's id is in the access token, not in the id token."""
    claims = _claims(tokens.access_token.reveal())
    user_id = _text(claims.get("xero_userid"))
    return Consent(
        tokens=tokens,
        user_id=XeroUserId(user_id) if user_id else None,
        consent_event=_text(claims.get("authentication_event_id")),
        user_name=_text(identity.get("name")),
        user_email=_text(identity.get("email")),
    )


def _text(claim: object) -> str | None:
    return values.text(claim) if isinstance(claim, str) else None
