"""
Keep one token set usable, whatever happens in between.

The names T1 to T10 are the invariants of `docs/tokens.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from domain.errors import AccessExpired, Fenced
from domain.model.ids import ClinicId, CredentialId
from domain.model.tokens import Access, Credential
from domain.ports import Authorizer, Shield, Stores, Transaction
from domain.use_cases.rotation import Claim, Rotated, claim, held, present, settle

T = TypeVar("T")


class RefreshOutcome(StrEnum):
    """How an access token came to be usable."""

    FRESH = "fresh"
    REFRESHED = "refreshed"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A usable access token, and how it came to be."""

    access: Access
    outcome: RefreshOutcome


class Refresh(Protocol):
    """`refresh_tokens` with its ports bound."""

    def __call__(
        self,
        clinic_id: ClinicId,
        credential_id: CredentialId,
        *,
        refused: int | None = None,
        even_if_fresh: bool = False,
    ) -> Refreshed:
        """Give a usable access token; see `refresh_tokens`."""
        ...


def refresh_tokens(
    clinic_id: ClinicId,
    credential_id: CredentialId,
    *,
    refused: int | None = None,
    even_if_fresh: bool = False,
    transaction: Transaction,
    authorizer: Authorizer,
    shield: Shield,
) -> Refreshed:
    """
    Give an access token that can be used now, rotating the token set if it has to be.

    `refused` is the version of a token set whose access token Xero has turned down. Safe to run at any time,
    by anybody, any number of times: one refresh is in flight at most (T1), a crash at any point is recovered
    by the next run (T4), and nothing is given out before it is committed (T2).

    Raises ConsentWithdrawn when no token that we hold is accepted, Fenced when the credential was ended
    meanwhile, RefreshBusy when somebody else is at it, and what `Authorizer.refresh` raises.
    """

    def run() -> Refreshed:
        with transaction(clinic_id) as stores:
            seen = held(stores, credential_id)
            if not even_if_fresh and seen.is_fresh(stores.now, refused=refused):
                access = Access(stores.credentials.open(seen).access_token, seen.version)
                return Refreshed(access, RefreshOutcome.FRESH)
            mine = claim(stores, seen)
        rotated = present(mine, transaction, authorizer)
        access = _keep(mine, rotated, transaction)
        in_doubt = seen.intent_at is not None or rotated.presented is not mine.candidates[0]
        return Refreshed(access, RefreshOutcome.RECOVERED if in_doubt else RefreshOutcome.REFRESHED)

    return shield(run)


def _keep(mine: Claim, rotated: Rotated, transaction: Transaction) -> Access:
    """Save what Xero gave, if the claim is still ours; what a late writer got is thrown away (T3)."""

    def save(stores: Stores, current: Credential) -> Credential:
        refreshed = current.refreshed(rotated.tokens, mine.credential, stores.now)
        tokens = mine.held.rotated(rotated.tokens, rotated.presented)
        stores.credentials.save(refreshed, seen=current, tokens=tokens)
        return refreshed

    kept = settle(mine, transaction, save)
    if kept.is_retired and not mine.credential.is_retired:
        raise Fenced("the connection was ended while its tokens were refreshed (T7)")
    return Access(rotated.tokens.access_token, kept.version)


def with_access(refresh: Refresh, credential: Credential, ask: Callable[[Access], T]) -> T:
    """Ask Xero something; once more with a new access token if it turns down one that should be good."""
    access = refresh(credential.clinic_id, credential.id).access
    try:
        return ask(access)
    except AccessExpired:
        return ask(refresh(credential.clinic_id, credential.id, refused=access.version).access)
