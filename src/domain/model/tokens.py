"""
Token sets and what is known of their refreshes: invariants T1 to T10 of `docs/tokens.md`.

Xero rotates the refresh token on every use, lets the previous one be retried for 30 minutes when the
answer was lost, and drops one that was unused for 60 days (https://developer.xero.com/faq/oauth2).
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn, Self

from domain.model.ids import (
    ClinicId,
    ConnectionId,
    CredentialId,
    TenantId,
    XeroConnectionId,
    XeroUserId,
)

GRACE = timedelta(minutes=30)
"""How long Xero lets the previous refresh token be retried."""

IDLE_LIFE = timedelta(days=60)
"""How long Xero keeps an unused refresh token."""

UNUSED_TERM = timedelta(days=7)
"""
How long a consent is kept that no connection uses: for its clinic's choice, or for an operator's replay.

As long as an ended connection's rows, and well before Xero would drop it.
"""

REFRESH_MARGIN = timedelta(minutes=5)
"""An access token with less life than this is refreshed before it is used."""

LEASE = timedelta(seconds=90)
"""How long one refresh may hold its lease: over three times the HTTP timeouts of one refresh."""

COOLDOWN = timedelta(seconds=30)
"""The pause after a refresh that failed."""

REJECTED_REST = timedelta(hours=24)
"""The pause after Xero has turned down everything that we hold."""


class Secret:
    """A string that masks itself everywhere but in `reveal()` (T10)."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plain text; call it where it leaves the process or is sealed, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is never pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """
    What Xero's token endpoint gives; kept and replaced as one.

    `life` is how long the access token lasts from the moment it was given: whose clock that is, is decided
    where it is kept (T8).
    """

    access_token: Secret
    refresh_token: Secret
    life: timedelta
    scopes: frozenset[str]

    def __post_init__(self) -> None:
        if not self.access_token or not self.refresh_token:
            raise ValueError("a token set holds both tokens")


@dataclass(frozen=True, slots=True)
class Access:
    """A short-lived access token to read with, and the version of the token set it came from."""

    token: Secret
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTokens:
    """What is sealed of a token set, opened: for the moment in which it is used, and never kept."""

    access_token: Secret
    refresh_token: Secret
    previous: Secret | None = None

    @classmethod
    def of(cls, tokens: TokenSet) -> Self:
        """A token set fresh from Xero."""
        return cls(access_token=tokens.access_token, refresh_token=tokens.refresh_token)

    def rotated(self, tokens: TokenSet, presented: Secret) -> Self:
        """After a rotation; what was presented is kept for Xero's grace."""
        return replace(
            self,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            previous=presented,
        )


class CredentialState(StrEnum):
    """Where a token set is in its life."""

    PENDING = "pending"
    LIVE = "live"
    REVOCATION_PENDING = "revocation_pending"
    SHREDDED = "shredded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """
    What is known of a token set but the tokens: whose it is, and the state of its refresh.

    `version` counts rotations and never goes down (T3). `lease_epoch` fences a holder that was paused past
    its lease. `intent_at` is set, and committed, before a refresh leaves (T5): finding it set under a new
    lease means that the outcome of an earlier refresh is unknown. `access_expires_at` is by the database's
    clock (T8).
    """

    id: CredentialId
    connection_id: ConnectionId
    clinic_id: ClinicId
    generation: int
    state: CredentialState
    tenant_id: TenantId | None
    user_id: XeroUserId | None
    xero_connection_id: XeroConnectionId | None = None
    consent_event: str | None = None
    scopes: frozenset[str]
    version: int
    obtained_at: datetime
    access_expires_at: datetime
    previous_until: datetime | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = None
    intent_at: datetime | None = None
    cooldown_until: datetime | None = None
    revoke_by: datetime | None = None

    @property
    def is_retired(self) -> bool:
        """Whether it is kept for telling Xero to forget it, and for nothing else."""
        return self.state is CredentialState.REVOCATION_PENDING

    def has_lapsed(self, now: datetime) -> bool:
        """Whether it has waited for longer than it may to be used by a connection."""
        return self.state is CredentialState.PENDING and self.obtained_at + UNUSED_TERM <= now

    def is_fresh(self, now: datetime, *, refused: int | None = None) -> bool:
        """Whether the access token can be used; `refused` is a version Xero has turned down."""
        has_life = self.access_expires_at - now > REFRESH_MARGIN
        return has_life and self.version != refused and self.intent_at is None

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody else's refresh is still entitled to run."""
        return self.lease_until is not None and self.lease_until > now

    def is_cooling(self, now: datetime) -> bool:
        """Whether a failed refresh asked for a pause that is not over."""
        return self.cooldown_until is not None and self.cooldown_until > now

    def claimed(self, now: datetime) -> Self:
        """Take the lease and note the intent; an older unresolved intent keeps its own time."""
        return replace(
            self,
            lease_epoch=self.lease_epoch + 1,
            lease_until=now + LEASE,
            intent_at=self.intent_at or now,
        )

    def is_same_claim(self, claim: Self) -> bool:
        """Whether nobody has refreshed this token set, or begun to, since `claim` was committed (T3)."""
        return (self.id, self.version, self.lease_epoch) == (
            claim.id,
            claim.version,
            claim.lease_epoch,
        )

    def presentable(self, held: HeldTokens, now: datetime) -> tuple[Secret, ...]:
        """The refresh tokens worth presenting, best first (T6)."""
        if held.previous is not None and self.previous_until is not None and now < self.previous_until:
            return (held.refresh_token, held.previous)
        return (held.refresh_token,)

    def refreshed(self, tokens: TokenSet, claim: Self, now: datetime) -> Self:
        """After the rotation that `claim` began; a doubt that was raised meanwhile stays."""
        return replace(
            self,
            scopes=tokens.scopes,
            version=self.version + 1,
            obtained_at=now,
            access_expires_at=now + tokens.life,
            previous_until=now + GRACE,
            lease_until=None,
            intent_at=None if self.intent_at == claim.intent_at else self.intent_at,
            cooldown_until=None,
        )

    def released(self, claim: Self, before: Self, now: datetime, *, in_doubt: bool) -> Self:
        """Give the lease back after a failure; whatever was in doubt before `claim` still is."""
        left = claim.intent_at if in_doubt else before.intent_at
        return replace(
            self,
            lease_until=None,
            intent_at=left if self.intent_at == claim.intent_at else self.intent_at,
            cooldown_until=now + COOLDOWN,
        )

    def rejected(self, now: datetime) -> Self:
        """Xero accepts none of the tokens: ask again once a day, in case it was wrong."""
        return replace(self, lease_until=None, intent_at=None, cooldown_until=now + REJECTED_REST)

    def doubted(self, now: datetime) -> Self:
        """Somebody has presented our token out of turn: what we hold may be dead, so try it soon."""
        return replace(self, intent_at=now)
