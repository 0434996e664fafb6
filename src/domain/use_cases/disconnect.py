"""End a clinic's connection, in whatever state it is."""

from enum import StrEnum

from domain.messages import Disconnect
from domain.model.connection import Reason
from domain.notices import changed, not_connected
from domain.ports import Stores, Transaction
from domain.use_cases.endings import end


class DisconnectOutcome(StrEnum):
    """What became of the event."""

    DISCONNECTED = "disconnected"
    WAS_NOT_CONNECTED = "was_not_connected"
    DUPLICATE = "duplicate"


def disconnect(event: Disconnect, *, transaction: Transaction) -> DisconnectOutcome:
    """
    Stop and fence at once; what Xero has to be told waits as a row.

    Always ends in `disconnected`, also for a clinic that never connected. A second delivery does nothing.
    """
    with transaction(event.clinic_id) as stores:
        if not stores.inbox.begin(event.header, event.type):
            return DisconnectOutcome.DUPLICATE
        outcome = _end_all(stores, event)
        stores.inbox.complete(event.header, outcome)
        return outcome


def _end_all(stores: Stores, event: Disconnect) -> DisconnectOutcome:
    connection = stores.connections.open_for(event.clinic_id)
    if connection is None:
        _hasten_erasure(stores, event)
        notice = not_connected(event.clinic_id, event.header.id)
        stores.outbox.add(notice, event.header.traceparent)
        return DisconnectOutcome.WAS_NOT_CONNECTED
    ended = end(stores, connection, event.erase, Reason.REQUESTED)
    notice = changed(ended, in_reply_to=event.header.id)
    stores.outbox.add(notice, event.header.traceparent)
    return DisconnectOutcome.DISCONNECTED


def _hasten_erasure(stores: Stores, event: Disconnect) -> None:
    """A later wish about the rows of an earlier connection counts."""
    for connection in stores.connections.all_for(event.clinic_id):
        if not connection.is_open and connection.erased_at is None:
            stores.connections.save(connection.to_be_erased(stores.now, event.erase))
