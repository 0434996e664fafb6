"""Somebody wants a clinic's data fresh."""

from enum import StrEnum

from domain.messages import SyncRequested
from domain.model.plans import PLANS
from domain.model.streams import Stream
from domain.notices import changed, not_connected
from domain.ports import Stores, Transaction


class RequestOutcome(StrEnum):
    """What became of the event."""

    QUEUED = "queued"
    MERGED = "merged"
    REFUSED = "refused"
    UNKNOWN_CLINIC = "unknown_clinic"
    DUPLICATE = "duplicate"


def request_sync(event: SyncRequested, *, transaction: Transaction) -> RequestOutcome:
    """
    Queue a pass, or merge the wish with the one that is queued already.

    A clinic that cannot be synced is told why. A second delivery does nothing.
    """
    with transaction(event.clinic_id) as stores:
        if not stores.inbox.begin(event.header, event.type):
            return RequestOutcome.DUPLICATE
        outcome = _request(stores, event)
        stores.inbox.complete(event.header, outcome)
        return outcome


def _request(stores: Stores, event: SyncRequested) -> RequestOutcome:
    connection = stores.connections.open_for(event.clinic_id)
    if connection is None:
        notice = not_connected(event.clinic_id, event.header.id)
        stores.outbox.add(notice, event.header.traceparent)
        return RequestOutcome.UNKNOWN_CLINIC
    if not connection.is_active or connection.tenant is None:
        notice = changed(connection, in_reply_to=event.header.id)
        stores.outbox.add(notice, event.header.traceparent)
        return RequestOutcome.REFUSED
    streams = event.streams or PLANS[connection.tenant.region].streams()
    if Stream.PAYSLIPS in streams:
        streams |= {Stream.PAY_RUNS}  # by which they are found
    merged = stores.syncs.request(
        connection,
        mode=event.mode,
        streams=streams,
        requested_by=event.requested_by,
        traceparent=event.header.traceparent,
    )
    return RequestOutcome.MERGED if merged else RequestOutcome.QUEUED
