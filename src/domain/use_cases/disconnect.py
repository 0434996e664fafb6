"""End a clinic's connection, in whatever state it is."""

from enum import StrEnum

from domain.messages import Disconnect
from domain.model.connection import Erase, Reason
from domain.notices import changed, not_connected
from domain.ports import Stores, Transaction
from domain.use_cases.complete_connection import has_consented_since
from domain.use_cases.endings import end


class DisconnectOutcome(StrEnum):
    """What became of the event."""

    DISCONNECTED = "disconnected"
    WAS_NOT_CONNECTED = "was_not_connected"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


def disconnect(event: Disconnect, *, transaction: Transaction) -> DisconnectOutcome:
    """
    Stop and fence at once; what Xero has to be told waits as a row.

    Ends in `disconnected`, also for a clinic that never connected; a second delivery does nothing. Where the
    clinic has consented again since, as the events' times say, this one came late: the new connection stays,
    unless its payroll is to be erased now.
    """
    with transaction(event.clinic_id) as stores:
        if not stores.inbox.begin(event.header, event.type):
            return DisconnectOutcome.DUPLICATE
        outcome = _superseded(stores, event) or _end_all(stores, event)
        stores.inbox.complete(event.header, outcome)
        return outcome


def _superseded(stores: Stores, event: Disconnect) -> DisconnectOutcome | None:
    """The answer to an event that a later consent has overtaken; None if none has."""
    connection = stores.connections.open_for(event.clinic_id)
    is_late = has_consented_since(stores, event.header)
    if not is_late or connection is None or event.erase is Erase.NOW:
        return None
    stores.outbox.add(changed(connection, in_reply_to=event.header.id), event.header.traceparent)
    return DisconnectOutcome.SUPERSEDED


def _end_all(stores: Stores, event: Disconnect) -> DisconnectOutcome:
    connection = stores.connections.open_for(event.clinic_id)
    _wish(stores, event)
    if connection is None:
        notice = not_connected(event.clinic_id, event.header.id)
        stores.outbox.add(notice, event.header.traceparent)
        return DisconnectOutcome.WAS_NOT_CONNECTED
    ended = end(stores, connection, event.erase, Reason.REQUESTED)
    notice = changed(ended, in_reply_to=event.header.id)
    stores.outbox.add(notice, event.header.traceparent)
    return DisconnectOutcome.DISCONNECTED


def _wish(stores: Stores, event: Disconnect) -> None:
    """A later wish about the rows of earlier connections counts, whatever the clinic has begun since."""
    for one in stores.connections.all_for(event.clinic_id):
        connection = stores.connections.get_for_update(one.id)
        if connection is not None and not connection.is_open and connection.erased_at is None:
            stores.connections.save(connection.to_be_erased(stores.now, event.erase))
