"""A clinic has given its consent in Xero: take it over, check it, and start reading."""

from datetime import timedelta
from enum import StrEnum

from domain.errors import (
    AnswerUnreadable,
    Fenced,
    GrantRejected,
    RefusalDoubted,
    ScopeMissing,
    SecretUnreadable,
    ServiceError,
)
from domain.messages import (
    AuthorizationCode,
    ConnectCompleted,
    Disconnect,
    EventHeader,
    SealedTokenSet,
)
from domain.model.connection import REVOKE_WITHIN, Connection, Reason
from domain.model.consent import Consent
from domain.model.tokens import Credential
from domain.notices import changed
from domain.ports import Authorizer, OpenSource, Shield, Stores, TokenOpener, Transaction
from domain.use_cases.activation import activate
from domain.use_cases.consent_check import Checked, Refused, check_consent
from domain.use_cases.refresh_tokens import Refresh
from domain.use_cases.refusals import TOLD_AT, count_refusal, settle_refusals, was_refused

CLEARLY_LATER = timedelta(seconds=5)
"""Longer than the senders' clocks differ, and shorter than anybody's way through Xero's page."""


class ConnectOutcome(StrEnum):
    """What became of the event."""

    ACTIVE = "active"
    INCOMPLETE = "incomplete"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"


def complete_connection(
    event: ConnectCompleted,
    *,
    transaction: Transaction,
    authorizer: Authorizer,
    opener: TokenOpener,
    open_source: OpenSource,
    refresh: Refresh,
    shield: Shield,
) -> ConnectOutcome:
    """
    Exchange the grant, keep the tokens sealed, check what they cover, and make the connection active.

    The tokens are committed before anything else is done with them, so a crash after the exchange goes on
    from there. A consent that cannot be used leaves an earlier, working one alone. A disconnect beats it
    (T7). A second delivery does nothing. Raises TransientError while Xero or the database is away, and
    AnswerUnreadable while something else answers in Xero's place: try the same event again. So does
    RefusalDoubted, as a 403 is believed when it has stayed for ten minutes; the clinic is told sooner. Raises
    PermanentError where somebody has to look at it. Whoever does not try again gives the event up
    (`give_up`); the consent is kept for a replay.
    """
    with transaction(event.clinic_id) as stores:
        if not stores.inbox.begin(event.header, event.type):
            return ConnectOutcome.DUPLICATE
        if is_late(stores, event):
            return _superseded(stores, event)
        connection = connection_for(stores, event)
        credential = held(stores, connection, event)
        if credential is not None:
            stores.connections.save(connection.holding(event.header.id))
        elif was_refused(stores, event):  # its tokens have given way to a later consent's
            return _superseded(stores, event)
    try:
        if credential is None:
            credential = shield(lambda: _take_over(event, connection, transaction, authorizer, opener))
        checked = check_consent(
            credential,
            event.tenant_id,
            take_over=isinstance(event.grant, SealedTokenSet),
            transaction=transaction,
            authorizer=authorizer,
            open_source=open_source,
            refresh=refresh,
        )
        return _activate(event, credential, checked, transaction)
    except Refused as refusal:
        if refusal.is_doubtful and _is_asked_again(event, connection, credential, refusal, transaction):
            raise RefusalDoubted("Xero refuses, and may think better of it") from None
        return _refuse(event, connection, credential, refusal, transaction)
    except Fenced:
        with transaction(event.clinic_id) as stores:
            return _superseded(stores, event)
    except ServiceError:
        with transaction(event.clinic_id) as stores:
            stores.inbox.release(event.header)
        raise


def is_late(stores: Stores, event: ConnectCompleted) -> bool:
    """Whether the clinic has disconnected since, or has consented again, to an effect."""
    return stores.inbox.is_overtaken(event.header, Disconnect.type) or has_consented_since(
        stores, event.header
    )


def has_consented_since(stores: Stores, header: EventHeader) -> bool:
    """Whether the clinic's connection comes from a consent that is clearly later than this event."""
    return stores.inbox.has_later(header, ConnectCompleted.type, ConnectOutcome.ACTIVE, CLEARLY_LATER)


def _superseded(stores: Stores, event: ConnectCompleted) -> ConnectOutcome:
    """Something later counts: a disconnect, or another consent, and that has told the clinic."""
    _complete(stores, event, ConnectOutcome.SUPERSEDED)
    return ConnectOutcome.SUPERSEDED


def _complete(stores: Stores, event: ConnectCompleted, outcome: str) -> None:
    settle_refusals(stores, event)
    stores.inbox.complete(event.header, outcome)


def connection_for(stores: Stores, event: ConnectCompleted) -> Connection:
    """The clinic's present connection, locked, or a new one."""
    return stores.connections.open_for(event.clinic_id) or stores.connections.add(event.clinic_id)


def held(stores: Stores, connection: Connection, event: ConnectCompleted) -> Credential | None:
    """The consent we hold already: from an earlier try of this event, or one whose choice it makes."""
    is_meant = connection.consent_event == event.header.id or event.grant is None
    return stores.credentials.pending(connection.id) if is_meant else None


def _take_over(
    event: ConnectCompleted,
    connection: Connection,
    transaction: Transaction,
    authorizer: Authorizer,
    opener: TokenOpener,
) -> Credential:
    """
    Get the tokens and commit them, in one go that nothing interrupts.

    If the connection has given way to an earlier one meanwhile, they are held for that. If the clinic has
    disconnected meanwhile, they are kept only to be revoked. Raises Refused, Fenced.
    """
    consent = _consent(event, transaction, authorizer, opener)
    with transaction(event.clinic_id) as stores:
        current = stores.connections.get_for_update(connection.id)
        if current is None or current.has_given_way:
            current = _newest(stores, event)
        earlier = stores.credentials.pending(current.id)
        if earlier is not None:
            stores.credentials.retire(earlier, stores.now + REVOKE_WITHIN)
        credential = stores.credentials.hold(current, consent)
        if current.is_open:
            stores.connections.save(current.holding(event.header.id))
        else:
            stores.credentials.retire(credential, stores.now + REVOKE_WITHIN)
    if not current.is_open:
        raise Fenced("the connection was ended while its consent was taken over (T7)")
    return credential


def _newest(stores: Stores, event: ConnectCompleted) -> Connection:
    """The connection that another one gave way to, or what the clinic has ended since."""
    return stores.connections.open_for(event.clinic_id) or stores.connections.all_for(event.clinic_id)[0]


def _consent(
    event: ConnectCompleted, transaction: Transaction, authorizer: Authorizer, opener: TokenOpener
) -> Consent:
    try:
        match event.grant:
            case AuthorizationCode():
                return authorizer.exchange(event.grant)
            case SealedTokenSet():
                with transaction(event.clinic_id) as stores:
                    now = stores.now
                return authorizer.describe(opener.open(event.grant).tokens(event.clinic_id, now))
            case None:
                raise Refused(Reason.CODE_EXPIRED_OR_USED)
    except (GrantRejected, AnswerUnreadable):
        raise Refused(Reason.CODE_EXPIRED_OR_USED) from None
    except ScopeMissing:
        raise Refused(Reason.SCOPE_MISSING) from None
    except SecretUnreadable:
        raise Refused(Reason.TOKEN_UNREADABLE) from None


def _is_asked_again(
    event: ConnectCompleted,
    connection: Connection,
    credential: Credential | None,
    refusal: Refused,
    transaction: Transaction,
) -> bool:
    """Whether a refusal is not believed yet; then the event may begin again."""
    with transaction(event.clinic_id) as stores:
        current = _current(stores, connection, credential)
        count = count_refusal(stores, event) if current is not None else None
        if current is None or count is None:
            return False
        if count == TOLD_AT:
            tell_why(stores, event, current, refusal)
        stores.inbox.release(event.header)
        return True


def _refuse(
    event: ConnectCompleted,
    connection: Connection,
    credential: Credential | None,
    refusal: Refused,
    transaction: Transaction,
) -> ConnectOutcome:
    """Tell the clinic why, and let go of tokens that are of no use."""
    with transaction(event.clinic_id) as stores:
        current = _current(stores, connection, credential)
        if current is None:
            return _superseded(stores, event)
        tell_why(stores, event, current, refusal)
        if credential is not None and not refusal.choices:
            stores.credentials.retire(credential, stores.now + REVOKE_WITHIN)
        _complete(stores, event, f"{ConnectOutcome.INCOMPLETE}:{refusal.reason}")
        return ConnectOutcome.INCOMPLETE


def _current(stores: Stores, connection: Connection, credential: Credential | None) -> Connection | None:
    """The connection that this consent is for, locked; None if something later counts."""
    current = stores.connections.get_for_update(credential.connection_id if credential else connection.id)
    if current is None or not current.is_open:
        return None
    pending = stores.credentials.pending(current.id)
    if credential is not None and (pending is None or pending.id != credential.id):
        return None
    return current


def tell_why(stores: Stores, event: ConnectCompleted, current: Connection, refusal: Refused) -> None:
    """Tell the clinic why its consent is not used."""
    current = current.incomplete(refusal.reason, refusal.choices)
    stores.connections.save(current)
    notice = changed(current, reason=refusal.reason, choices=refusal.choices, in_reply_to=event.header.id)
    stores.outbox.add(notice, event.header.traceparent)


def _activate(
    event: ConnectCompleted,
    credential: Credential,
    checked: Checked,
    transaction: Transaction,
) -> ConnectOutcome:
    with transaction(event.clinic_id) as stores:
        current = stores.connections.get_for_update(credential.connection_id)
        pending = stores.credentials.pending(credential.connection_id)
        if current is None or not current.is_open or pending is None or pending.id != credential.id:
            return _superseded(stores, event)
        active = activate(stores, current, pending, checked, event)
        notice = changed(active, in_reply_to=event.header.id)
        stores.outbox.add(notice, event.header.traceparent)
        _complete(stores, event, ConnectOutcome.ACTIVE)
        return ConnectOutcome.ACTIVE
