"""Xero's identity service in memory: codes, tokens that rotate, and the links they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import count

from domain.errors import AccessExpired, AnswerUnreadable, GrantRejected
from domain.messages import AuthorizationCode
from domain.model.consent import REQUIRED_SCOPES, Consent, XeroConnection
from domain.model.ids import TenantId, XeroConnectionId, XeroUserId
from domain.model.tokens import GRACE, IDLE_LIFE, Access, Secret, TokenSet
from domain.ports import Clock
from fakes.script import Script

LIFE = timedelta(minutes=30)


class Rotation(Enum):
    """What becomes of a refresh token that has been used: Xero documents a grace, and no more."""

    GRACE_ALL = "every successor stays good"
    GRACE_LATEST = "only the newest successor stays good"
    STRICT = "using it again ends the whole consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One consent of one user."""

    user_id: XeroUserId
    event: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issued:
    """A token: which grant it stands for, until when, and when it was used."""

    grant: Grant
    expires_at: datetime | None = None
    used_at: datetime | None = None


@dataclass
class ScriptedAuthorizer:
    """See `domain.ports.Authorizer`; `script` says what goes wrong."""

    clock: Clock
    rotation: Rotation = Rotation.GRACE_ALL
    script: Script = field(default_factory=Script)
    codes: dict[str, Grant] = field(default_factory=dict)
    refresh_tokens: dict[str, Issued] = field(default_factory=dict)
    access_tokens: dict[str, Issued] = field(default_factory=dict)
    links: dict[XeroUserId, list[XeroConnection]] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def consent(
        self, *tenants: str, user: str = "user-1", scopes: frozenset[str] = REQUIRED_SCOPES
    ) -> AuthorizationCode:
        """A user consents to these organisations; give the code that the redirect brings."""
        number = next(self._ids)
        grant = Grant(user_id=XeroUserId(user), event=f"consent-{number}", scopes=scopes)
        self.codes[f"code-{number}"] = grant
        for tenant in tenants:
            self.link(tenant, user, event=grant.event)
        return AuthorizationCode(code=Secret(f"code-{number}"), redirect_uri="https://allie.test/back")

    def link(self, tenant: str, user: str, *, event: str | None, is_organisation: bool = True) -> None:
        """A user links an organisation; one that is linked already gets the newer consent."""
        held = self.links.setdefault(XeroUserId(user), [])
        number = next((one.id for one in held if one.tenant_id == tenant), f"link-{next(self._ids)}")
        held[:] = [one for one in held if one.tenant_id != tenant]
        held.append(
            XeroConnection(
                id=XeroConnectionId(number),
                tenant_id=TenantId(tenant),
                tenant_name=f"Clinic {tenant}",
                is_organisation=is_organisation,
                consent_event=event,
            )
        )

    def exchange(self, grant: AuthorizationCode) -> Consent:
        self.script.begin("exchange")
        found = self.codes.pop(grant.code.reveal(), None)
        if found is None:
            raise GrantRejected("no such code")
        tokens = self._issue(found)
        self.script.end("exchange")
        return replace(self.describe(tokens), user_name="Olivia Owner", user_email="olivia@clinic.test")

    def refresh(self, refresh_token: Secret) -> TokenSet:
        self.script.begin("refresh")
        presented = refresh_token.reveal()
        issued = self.refresh_tokens.get(presented)
        if issued is None or self._is_over(issued):
            raise GrantRejected("no such token")
        if issued.used_at is not None and self.rotation is Rotation.GRACE_LATEST:
            self._end(issued.grant, but=presented)
        self.refresh_tokens[presented] = replace(issued, used_at=issued.used_at or self.clock())
        tokens = self._issue(issued.grant)
        self.script.end("refresh")
        return tokens

    def revoke(self, refresh_token: Secret) -> None:
        self.script.begin("revoke")
        issued = self.refresh_tokens.get(refresh_token.reveal())
        if issued is not None:
            user = issued.grant.user_id
            for grant in {one.grant for one in self.refresh_tokens.values() if one.grant.user_id == user}:
                self._end(grant)
            self.links.pop(user, None)
        self.script.end("revoke")

    def describe(self, tokens: TokenSet) -> Consent:
        issued = self.access_tokens.get(tokens.access_token.reveal())
        if issued is None:
            raise AnswerUnreadable("not a token of ours")
        return Consent(tokens=tokens, user_id=issued.grant.user_id, consent_event=issued.grant.event)

    def connections(self, access: Access) -> Sequence[XeroConnection]:
        self.script.begin("connections")
        return list(self.links.get(self._accepted(access).user_id, []))

    def delete_connection(self, access: Access, connection: XeroConnectionId) -> None:
        self.script.begin("delete_connection")
        held = self.links.get(self._accepted(access).user_id, [])
        held[:] = [one for one in held if one.id != connection]
        self.script.end("delete_connection")

    def accepts(self, access: Access) -> bool:
        """Whether the access token is good."""
        issued = self.access_tokens.get(access.token.reveal())
        return issued is not None and issued.expires_at is not None and issued.expires_at > self.clock()

    def expire_access(self) -> None:
        """No access token given so far is good any more."""
        self.access_tokens.clear()

    def _accepted(self, access: Access) -> Grant:
        if not self.accepts(access):
            raise AccessExpired("not accepted")
        return self.access_tokens[access.token.reveal()].grant

    def _is_over(self, issued: Issued) -> bool:
        """Unused for too long, or used before and not to be used again."""
        if issued.used_at is None:
            return issued.expires_at is not None and self.clock() >= issued.expires_at
        if self.rotation is Rotation.STRICT:
            self._end(issued.grant)
        return self.rotation is Rotation.STRICT or self.clock() >= issued.used_at + GRACE

    def _issue(self, grant: Grant) -> TokenSet:
        number = next(self._ids)
        access, refresh = f"access-{number}", f"refresh-{number}"
        self.access_tokens[access] = Issued(grant, self.clock() + LIFE)
        self.refresh_tokens[refresh] = Issued(grant, self.clock() + IDLE_LIFE)
        return TokenSet(
            access_token=Secret(access), refresh_token=Secret(refresh), life=LIFE, scopes=grant.scopes
        )

    def _end(self, grant: Grant, but: str = "") -> None:
        """None of a grant's refresh tokens is good any more."""
        tokens = self.refresh_tokens.items()
        self.refresh_tokens = {name: one for name, one in tokens if one.grant != grant or name == but}
