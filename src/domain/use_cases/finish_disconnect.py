"""Tell Xero of token sets that are not needed any more, then destroy them for good."""

from enum import StrEnum

from domain.errors import ConsentWithdrawn, GrantRejected, ServiceError
from domain.messages import FinishDisconnect
from domain.model.certificate import Certificate, Erased, Revocation
from domain.model.connection import Reason
from domain.model.consent import ConsentUse, XeroConnection, links_to_end
from domain.model.failures import Failure, FailureState
from domain.model.tokens import Access, Credential
from domain.notices import changed
from domain.ports import Authorizer, Stores, Transaction
from domain.use_cases.endings import let_go
from domain.use_cases.refresh_tokens import Refresh, with_access
from domain.use_cases.rotation import claim, held, present


class FinishOutcome(StrEnum):
    """How it went."""

    FINISHED = "finished"
    NOTHING_TO_DO = "nothing_to_do"


def finish_disconnect(
    job: FinishDisconnect, *, transaction: Transaction, authorizer: Authorizer, refresh: Refresh
) -> FinishOutcome:
    """
    End the links at Xero that nobody uses any more, make the token worthless, shred it, and certify that.

    Safe to run again after a crash at any point: Xero takes a second deletion and a second revocation. Raises
    what Xero's identity service raises while it cannot be told; the tokens then stay sealed, for at most 24
    hours, after which they are destroyed all the same. A consent that no connection has used in its term
    goes the same way.
    """
    with transaction(job.clinic_id) as stores:
        now = stores.now
        _let_lapse(stores, job)
        credentials = stores.credentials.to_revoke(job.connection_id)
    failed: ServiceError | None = None
    for credential in credentials:
        try:
            given_up = credential.revoke_by is not None and now >= credential.revoke_by
            revocation = (
                Revocation.GIVEN_UP if given_up else _tell_xero(credential, transaction, authorizer, refresh)
            )
            _shred(credential, revocation, transaction)
        except ServiceError as error:
            failed = error
    if failed is not None:
        raise failed
    return FinishOutcome.FINISHED if credentials else FinishOutcome.NOTHING_TO_DO


def _let_lapse(stores: Stores, job: FinishDisconnect) -> None:
    """A consent that nothing came of is not kept for ever: set its tokens aside, and tell the clinic."""
    connection = stores.connections.get_for_update(job.connection_id)
    pending = stores.credentials.pending(job.connection_id)
    if connection is None or pending is None or not pending.has_lapsed(stores.now):
        return
    let_go(stores, pending)
    connection = connection.incomplete(Reason.CONSENT_LAPSED)
    stores.connections.save(connection)
    stores.outbox.add(changed(connection, reason=Reason.CONSENT_LAPSED))


def _tell_xero(
    credential: Credential, transaction: Transaction, authorizer: Authorizer, refresh: Refresh
) -> Revocation:
    """
    Delete the links that stand for this token set alone; revoke it if its user has no other.

    Revoking drops every link of the user to our app (https://github.com/XeroAPI/xero-node/releases/tag/4.10.1).
    A token that Xero accepts no more says that the consent is withdrawn; a 403 says nothing of the token.
    """
    try:
        links = with_access(refresh, credential, authorizer.connections)
        ending = links_to_end(credential, links, _others(credential, transaction))
        for link in ending:
            _delete(credential, link, authorizer, refresh)
        if _is_last(credential, transaction, authorizer, refresh):
            _revoke(credential, transaction, authorizer)
            return Revocation.REVOKED
        _burn(credential, transaction, authorizer)
    except (ConsentWithdrawn, GrantRejected):
        return Revocation.ALREADY_WITHDRAWN
    return Revocation.CONNECTION_DELETED if ending else Revocation.NOT_NEEDED


def _is_last(
    credential: Credential, transaction: Transaction, authorizer: Authorizer, refresh: Refresh
) -> bool:
    """
    Whether its user has no other link and no other consent, as of now.

    Asked once more, as late as can be: people are told to disconnect and connect again when something is
    wrong, and a revocation would take the consent that they have just given.
    """
    is_linked = bool(with_access(refresh, credential, authorizer.connections))
    return not is_linked and not any(one.is_in_use for one in _others(credential, transaction))


def _others(credential: Credential, transaction: Transaction) -> list[ConsentUse]:
    if credential.user_id is None:
        return []
    with transaction(credential.clinic_id) as stores:
        return list(stores.credentials.consents_of(credential.user_id, credential.id))


def _delete(credential: Credential, link: XeroConnection, authorizer: Authorizer, refresh: Refresh) -> None:
    def delete(access: Access) -> None:
        authorizer.delete_connection(access, link.id)

    with_access(refresh, credential, delete)


def _revoke(credential: Credential, transaction: Transaction, authorizer: Authorizer) -> None:
    with transaction(credential.clinic_id) as stores:
        tokens = stores.credentials.open(held(stores, credential.id))
    authorizer.revoke(tokens.refresh_token)


def _burn(credential: Credential, transaction: Transaction, authorizer: Authorizer) -> None:
    """
    Rotate once more and throw the successor away.

    So no token that was ever written down, to a row, a log or a backup, is good for more than Xero's grace.
    """
    with transaction(credential.clinic_id) as stores:
        mine = claim(stores, held(stores, credential.id))
    present(mine, transaction, authorizer)


def _shred(credential: Credential, revocation: Revocation, transaction: Transaction) -> None:
    with transaction(credential.clinic_id) as stores:
        current = stores.credentials.get_for_update(credential.id)
        if current is None:
            return
        key_id = stores.credentials.shred(current)
        stores.certificates.issue(
            Certificate(
                clinic_id=credential.clinic_id,
                connection_id=credential.connection_id,
                erased=Erased.TOKENS,
                at=stores.now,
                key_id=key_id,
                revocation=revocation,
            )
        )
        if revocation is Revocation.GIVEN_UP:
            stores.failures.record(
                Failure(
                    state=FailureState.FAILED,
                    error="RevocationGivenUp",
                    place="finish_disconnect",
                    subject=f"credential:{credential.id}",
                    clinic_id=credential.clinic_id,
                    connection_id=credential.connection_id,
                )
            )
