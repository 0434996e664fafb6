"""
Refresh tokens and how they rotate.

Xero gives a new refresh token at each use and lets the previous one be retried for 30 minutes
(https://developer.xero.com/faq/oauth2). What a second retry does is not documented, hence three policies.
"""

import base64
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256

from simulator.settings import Settings

_REMEMBERED = 200  # refresh tokens of one family; far beyond any grace


def fingerprint(token: str) -> str:
    """What names a token in ledgers without giving it away."""
    return sha256(token.encode()).hexdigest()[:16]


class InvalidGrant(Exception):
    """The code or refresh token is unknown, spent, expired or revoked."""


@dataclass(slots=True, eq=False)
class RefreshToken:
    """One refresh token; `parent` is the one that was swapped for it."""

    value: str
    issued_at: datetime
    parent: "RefreshToken | None"
    used_at: datetime | None = None
    dead: bool = False


@dataclass(slots=True, eq=False)
class Family:
    """All tokens that came from one consent."""

    id: str
    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    event_id: str
    session_id: str
    authenticated_at: datetime
    ended: str | None = None  # why: revoked, reuse, killed, replaced
    rotations: int = 0
    overlaps: int = 0
    in_flight: int = 0
    tokens: OrderedDict[str, RefreshToken] = field(default_factory=OrderedDict)
    presentations: Counter[str] = field(default_factory=Counter)

    @property
    def newest(self) -> RefreshToken:
        """The refresh token issued last."""
        return next(reversed(self.tokens.values()))


class Mint:
    """Unguessable-looking texts that follow from the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0

    def __call__(self, kind: str) -> str:
        """A new text of 43 characters."""
        self._made += 1
        digest = blake2b(f"{self._seed}:{kind}:{self._made}".encode(), digest_size=32).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class TokenStore:
    """Every family and its refresh tokens."""

    def __init__(self, settings: Callable[[], Settings], mint: Mint) -> None:
        self._settings = settings
        self._mint = mint
        self.families: dict[str, Family] = {}
        self._family_of: dict[str, Family] = {}

    def add(self, family: Family, now: datetime) -> RefreshToken:
        """Start a family and give it its first refresh token."""
        self.families[family.id] = family
        return self._issue(family, None, now)

    def family_of(self, value: str) -> Family | None:
        """The family a refresh token belongs to."""
        return self._family_of.get(value)

    def rotate(self, value: str, now: datetime) -> tuple[Family, RefreshToken]:
        """Swap a refresh token for a new one; raise InvalidGrant."""
        family = self._family_of.get(value)
        if family is None:
            raise InvalidGrant
        family.presentations[fingerprint(value)] += 1
        token = family.tokens[value]
        lifetime = timedelta(seconds=self._settings().refresh_token_seconds)
        if family.ended or token.dead or now - token.issued_at > lifetime:
            raise InvalidGrant
        if token.used_at is None:
            token.used_at = now
        else:
            self._again(family, token, token.used_at, now)
        family.rotations += 1
        return family, self._issue(family, token, now)

    def _again(self, family: Family, token: RefreshToken, used_at: datetime, now: datetime) -> None:
        settings, newest = self._settings(), family.newest
        if settings.rotation_policy == "strict":
            family.ended = "reuse"
            raise InvalidGrant
        if now - used_at > timedelta(seconds=settings.grace_seconds):
            raise InvalidGrant
        if settings.rotation_policy == "grace-latest":
            if newest.parent is not token or newest.used_at is not None:
                raise InvalidGrant
            newest.dead = True

    def _issue(self, family: Family, parent: RefreshToken | None, now: datetime) -> RefreshToken:
        token = RefreshToken(self._mint("refresh"), now, parent)
        family.tokens[token.value] = token
        self._family_of[token.value] = family
        if parent is not None:
            parent.parent = None  # nobody asks for grandparents
        while len(family.tokens) > _REMEMBERED:
            del self._family_of[family.tokens.popitem(last=False)[0]]
        return token
