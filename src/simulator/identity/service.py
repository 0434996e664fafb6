"""Consent and tokens: what the identity endpoints and the gateway ask for."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.identifiers import identifier
from simulator.identity import signing
from simulator.identity.registry import SCOPES, App, Connections, User
from simulator.identity.tokens import Family, InvalidGrant, Mint, RefreshToken, TokenStore
from simulator.settings import Settings

ISSUER = "https://identity.xero.com"
_MOST_ACCESS_TOKENS = 50_000


class AuthorizeError(Exception):
    """The authorise request is refused; the argument is OAuth's word for why."""


class Unauthenticated(Exception):
    """No valid access token; the argument is the detail of the 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorisation code and what it was given for."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    event_id: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an access token stands for; an app's own token has no user."""

    client_id: str
    user_id: str | None
    scopes: frozenset[str]
    expires_at: datetime


class Identity:
    """The identity service's state."""

    def __init__(self, seed: int, settings: Callable[[], Settings]) -> None:
        self._seed = seed
        self._settings = settings
        self.mint = Mint(seed)
        self.tokens = TokenStore(settings, self.mint)
        self.connections = Connections(seed, lambda: settings().reconnect_keeps_connection_id)
        self.apps: dict[str, App] = {}
        self.users: dict[str, User] = {}
        self._codes: dict[str, Code] = {}
        self._granted: dict[tuple[str, str], set[str]] = {}
        self.access: dict[str, Access] = {}

    def check(self, query: Mapping[str, str]) -> App:
        """The app of an authorise request; raise AuthorizeError."""
        app = self.apps.get(query.get("client_id", ""))
        scopes = query.get("scope", "").split()
        if app is None:
            raise AuthorizeError("unauthorized_client")
        if not app.accepts(query.get("redirect_uri", "")):
            raise AuthorizeError("invalid_redirect_uri")
        if query.get("response_type") != "code":
            raise AuthorizeError("unsupported_response_type")
        if not scopes or not SCOPES.issuperset(scopes):
            raise AuthorizeError("invalid_scope")
        if app.scopes is not None and not set(app.scopes).issuperset(scopes):
            raise AuthorizeError("unauthorized_client")
        challenged = query.get("code_challenge")
        if (challenged and query.get("code_challenge_method") != "S256") or (
            app.client_secret is None and not challenged
        ):
            raise AuthorizeError("invalid_request")
        return app

    def consent(self, query: Mapping[str, str], user_id: str, tenants: Iterable[str], now: datetime) -> str:
        """Connect organisations for a user and return the code; raise AuthorizeError."""
        app = self.check(query)
        event = identifier(self._seed, "event", self.mint("event"))
        for tenant in tenants:
            self.connections.connect(app.client_id, user_id, tenant, event, now)
        scopes = self._scopes(app.client_id, user_id, query["scope"].split())
        if self._settings().consent_ends_older_tokens:
            self.end_families("replaced", client_id=app.client_id, user_id=user_id)
        code = self.mint("code")
        self._codes[code] = Code(
            client_id=app.client_id,
            user_id=user_id,
            scopes=scopes,
            redirect_uri=query["redirect_uri"],
            challenge=query.get("code_challenge"),
            event_id=event,
            issued_at=now,
        )
        return code

    def _scopes(self, client_id: str, user_id: str, asked: list[str]) -> tuple[str, ...]:
        if not self._settings().cumulative_scopes:
            return tuple(dict.fromkeys(asked))
        granted = self._granted.setdefault((client_id, user_id), set())
        granted.update(asked)
        return tuple(sorted(granted))

    def exchange(self, app: App, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """The token set for a code, once; raise InvalidGrant."""
        code = self._codes.pop(form.get("code", ""), None)
        lifetime = timedelta(seconds=self._settings().code_seconds)
        if code is None or code.client_id != app.client_id or now - code.issued_at > lifetime:
            raise InvalidGrant
        if code.redirect_uri != form.get("redirect_uri") or not _proven(code.challenge, form):
            raise InvalidGrant
        family = Family(
            id=identifier(self._seed, "family", self.mint("family")),
            client_id=app.client_id,
            user_id=code.user_id,
            scopes=code.scopes,
            event_id=code.event_id,
            session_id=identifier(code.event_id, "session").replace("-", ""),
            authenticated_at=code.issued_at,
        )
        return self._token_set(family, self.tokens.add(family, now), now)

    def refresh(self, app: App, value: str, now: datetime) -> dict[str, Any]:
        """The next token set; raise InvalidGrant."""
        family = self.tokens.family_of(value)
        if family is not None and family.client_id != app.client_id:
            raise InvalidGrant
        family, token = self.tokens.rotate(value, now)
        return self._token_set(family, token, now)

    def client_credentials(self, app: App, scope: str, now: datetime) -> dict[str, Any]:
        """A token of the app's own, which may manage its connections."""
        claims = self._claims(app.client_id, scope.split(), now)
        access = Access(
            client_id=app.client_id,
            user_id=None,
            scopes=frozenset(scope.split()),
            expires_at=self._expiry(now),
        )
        return {**self._access(access, claims, now), "token_type": "Bearer", "scope": scope}

    def revoke(self, app: App, value: str) -> None:
        """Revoke a refresh token: all of that user's connections to the app go."""
        family = self.tokens.family_of(value)
        if family is None or family.client_id != app.client_id:
            return
        family.ended = "revoked"
        for connection in self.connections.live(app=app.client_id, user=family.user_id):
            self.connections.drop(connection)
        self._granted.pop((app.client_id, family.user_id), None)
        if self._settings().revocation_ends_all_tokens:
            self.end_families("revoked", client_id=app.client_id, user_id=family.user_id)

    def authenticate(self, authorization: str, now: datetime) -> Access:
        """What an Authorization header stands for; raise Unauthenticated."""
        scheme, _, token = authorization.partition(" ")
        access = self.access.get(token) if scheme.lower() == "bearer" else None
        if access is not None and access.expires_at > now:
            return access
        claims = signing.claims_of(token) if access is None else None
        if access is None and claims is None:
            raise Unauthenticated("AuthenticationUnsuccessful")
        expired = access.expires_at if access else datetime.fromtimestamp((claims or {})["exp"], UTC)
        raise Unauthenticated(f"TokenExpired: token expired at {expired:%m/%d/%Y %H:%M:%S}")

    def end_families(
        self,
        reason: str,
        *,
        client_id: str | None = None,
        user_id: str | None = None,
        family_id: str | None = None,
    ) -> int:
        """End token families, so that their refresh tokens are refused; return how many."""
        ended = 0
        for family in self.tokens.families.values():
            fits = client_id in (None, family.client_id) and user_id in (None, family.user_id)
            if fits and family_id in (None, family.id) and not family.ended:
                family.ended = reason
                ended += 1
        return ended

    def expire_access(self, now: datetime, user_id: str | None = None) -> int:
        """Make access tokens expire now; return how many."""
        chosen = [k for k, a in self.access.items() if user_id in (None, a.user_id)]
        for token in chosen:
            expires_at = min(self.access[token].expires_at, now)
            self.access[token] = replace(self.access[token], expires_at=expires_at)
        return len(chosen)

    def _token_set(self, family: Family, token: RefreshToken, now: datetime) -> dict[str, Any]:
        claims = self._claims(family.client_id, family.scopes, now) | {
            "sub": identifier(family.user_id, "subject").replace("-", ""),
            "auth_time": int(family.authenticated_at.timestamp()),
            "idp": "local",
            "amr": ["pwd", "mfa", "otp"],
            "xero_userid": family.user_id,
            "global_session_id": family.session_id,
            "sid": family.session_id,
            "authentication_event_id": family.event_id,
        }
        access = Access(
            client_id=family.client_id,
            user_id=family.user_id,
            scopes=frozenset(family.scopes),
            expires_at=self._expiry(now),
        )
        answer = {
            **self._access(access, claims, now),
            "token_type": "Bearer",
            "refresh_token": token.value if "offline_access" in family.scopes else None,
            "id_token": self._id_token(family, now) if "openid" in family.scopes else None,
            "scope": " ".join(family.scopes),
        }
        return {key: value for key, value in answer.items() if value is not None}

    def _access(self, access: Access, claims: dict[str, Any], now: datetime) -> dict[str, Any]:
        token = signing.sign(claims)
        if len(self.access) >= _MOST_ACCESS_TOKENS:
            self.access = {k: a for k, a in self.access.items() if a.expires_at > now}
        self.access[token] = access
        return {"access_token": token, "expires_in": self._settings().access_token_seconds}

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._settings().access_token_seconds)

    def _claims(self, client_id: str, scopes: Iterable[str], now: datetime) -> dict[str, Any]:
        return {
            "nbf": int(now.timestamp()),
            "exp": int(self._expiry(now).timestamp()),
            "iss": ISSUER,
            "aud": f"{ISSUER}/resources",
            "client_id": client_id,
            "jti": self.mint("jti").upper()[:32],
            "scope": list(scopes),
        }

    def _id_token(self, family: Family, now: datetime) -> str:
        user, seconds = self.users[family.user_id], int(now.timestamp())
        claims: dict[str, Any] = {
            "nbf": seconds,
            "exp": seconds + 300,
            "iss": ISSUER,
            "aud": family.client_id,
            "iat": seconds,
            "sid": family.session_id,
            "sub": identifier(family.user_id, "subject").replace("-", ""),
            "auth_time": int(family.authenticated_at.timestamp()),
            "idp": "local",
            "amr": ["pwd", "mfa", "otp"],
            "global_session_id": family.session_id,
        }
        return signing.sign(claims | self.profile(user, frozenset(family.scopes)))

    @staticmethod
    def profile(user: User, scopes: frozenset[str]) -> dict[str, str]:
        """The claims about a person that the scopes allow."""
        about = {"xero_userid": user.id}
        if "email" in scopes:
            about |= {"email": user.email, "preferred_username": user.email}
        if "profile" in scopes:
            about |= {
                "given_name": user.first_name,
                "family_name": user.last_name,
                "name": f"{user.first_name} {user.last_name}",
            }
        return about


def _proven(challenge: str | None, form: Mapping[str, str]) -> bool:
    if challenge is None:
        return True
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
