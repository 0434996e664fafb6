"""
One rotation of a token set: claim it, present it to Xero, settle what came of it.

The names T1 to T10 are the invariants of `docs/tokens.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from domain.errors import (
    AnswerLost,
    AnswerUnreadable,
    ConsentWithdrawn,
    Fenced,
    GrantRejected,
    RefreshBusy,
    ServiceError,
)
from domain.model.connection import Reason
from domain.model.failures import Failure, FailureState
from domain.model.ids import CredentialId
from domain.model.tokens import Credential, CredentialState, HeldTokens, Secret, TokenSet
from domain.notices import changed
from domain.ports import Authorizer, Stores, Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The sole right to present a token set (T1), what it was before, and what there is to present."""

    before: Credential
    credential: Credential
    held: HeldTokens
    candidates: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What Xero gave, and for which of our tokens."""

    tokens: TokenSet
    presented: Secret


def held(stores: Stores, credential_id: CredentialId) -> Credential:
    """The credential, locked. Raises Fenced once it is destroyed."""
    credential = stores.credentials.get_for_update(credential_id)
    if credential is None:
        raise Fenced("the token set has been destroyed")
    return credential


def claim(stores: Stores, seen: Credential) -> Claim:
    """
    Take the lease and note the intent, to be committed before a request leaves (T5).

    Raises RefreshBusy.
    """
    if seen.is_leased(stores.now) or seen.is_cooling(stores.now):
        raise RefreshBusy("the token set is being refreshed, or rests after a failure")
    opened = stores.credentials.open(seen)
    credential = seen.claimed(stores.now)
    stores.credentials.save(credential, seen=seen)
    candidates = credential.presentable(opened, stores.now)
    return Claim(before=seen, credential=credential, held=opened, candidates=candidates)


def present(mine: Claim, transaction: Transaction, authorizer: Authorizer) -> Rotated:
    """
    Ask Xero with each token worth trying (T6), outside any transaction.

    Raises ConsentWithdrawn when it accepts none, Fenced when somebody else has refreshed since, and what
    `Authorizer.refresh` raises; the claim is settled then.
    """
    for candidate in mine.candidates:
        try:
            return Rotated(authorizer.refresh(candidate), candidate)
        except GrantRejected:
            continue
        except ServiceError as error:
            unknown = isinstance(error, AnswerLost | AnswerUnreadable)
            _release(mine, transaction, in_doubt=unknown or candidate is not mine.candidates[0])
            raise
    settle(mine, transaction, _withdraw, with_connection=True)
    raise ConsentWithdrawn("Xero accepts none of the tokens held; the clinic has to connect again")


def settle(
    mine: Claim,
    transaction: Transaction,
    action: Callable[[Stores, Credential], T],
    *,
    with_connection: bool = False,
) -> T:
    """
    Act on a claim that is still ours (T3), and give what came of it.

    Raises Fenced if somebody has refreshed or begun to since. Having presented a token out of turn may have
    killed what is kept now, so that is put in doubt: it is tried while Xero still takes the one before it.
    `with_connection` locks the connection too, before the token set as everywhere.
    """
    with transaction(mine.credential.clinic_id) as stores:
        if with_connection:
            stores.connections.get_for_update(mine.credential.connection_id)
        current = held(stores, mine.credential.id)
        if current.is_same_claim(mine.credential):
            return action(stores, current)
        stores.credentials.doubt(current)
    raise Fenced("the token set was refreshed by somebody else meanwhile")


def _release(mine: Claim, transaction: Transaction, *, in_doubt: bool) -> None:
    def release(stores: Stores, current: Credential) -> None:
        free = current.released(mine.credential, mine.before, stores.now, in_doubt=in_doubt)
        stores.credentials.save(free, seen=current)

    settle(mine, transaction, release)


def _withdraw(stores: Stores, current: Credential) -> None:
    """Xero has said no to everything we hold: tell the clinic, keep the evidence, ask once a day."""
    stores.credentials.save(current.rejected(stores.now), seen=current)
    if current.state is not CredentialState.LIVE:
        return
    connection = stores.connections.get_for_update(current.connection_id)
    if connection is None or not connection.is_open or connection.reason is Reason.CONSENT_WITHDRAWN:
        return
    connection = connection.needing_attention(Reason.CONSENT_WITHDRAWN)
    stores.connections.save(connection)
    stores.syncs.stop(connection.id)
    stores.outbox.add(changed(connection))
    stores.failures.record(
        Failure(
            state=FailureState.FAILED,
            error=ConsentWithdrawn.__name__,
            place="refresh",
            subject=f"credential:{current.id}",
            clinic_id=connection.clinic_id,
            connection_id=connection.id,
            context={
                "version": str(current.version),
                "begun_at": current.intent_at.isoformat() if current.intent_at else "",
            },
        )
    )
