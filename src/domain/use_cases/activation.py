"""How a checked consent becomes a clinic's active connection."""

from dataclasses import replace

from domain.messages import ConnectCompleted
from domain.model.connection import Connection, Erase, Reason, Region, Tenant
from domain.model.failures import FailureState
from domain.model.ids import ConnectionId
from domain.model.kept_failure import FailureQuery
from domain.model.plans import PLANS
from domain.model.streams import Resource
from domain.model.sync import Mode, Scan
from domain.model.tokens import Credential
from domain.ports import Stores
from domain.use_cases.consent_check import Checked
from domain.use_cases.endings import end, let_go
from domain.use_cases.erase_payroll import erase


def activate(
    stores: Stores,
    connection: Connection,
    pending: Credential,
    checked: Checked,
    event: ConnectCompleted,
) -> Connection:
    """
    Make the pending token set the live one, keep what the check has read, and queue the first pass.

    Needs the connection locked. An organisation that was connected within the grace gets its rows back. A
    token set that this one replaces is retired: what of it Xero has to be told is found out then.
    """
    target = _target(stores, connection, checked.tenant)
    old = stores.credentials.live_for_update(target.id)
    if old is not None:
        let_go(stores, old)
    active = target.activated(checked.tenant, stores.now).holding(event.header.id)
    stores.credentials.activate(replace(pending, consent_event=checked.consent_event), active)
    if target.id != connection.id and connection.tenant is None:
        stores.connections.drop(connection)
    stores.connections.save(active)
    request_all(
        stores,
        active,
        mode=Mode.CHANGES,
        requested_by=event.requested_by,
        traceparent=event.header.traceparent,
    )
    _settle_failures(stores, event)
    _know_lists(stores, active.id, checked.tenant.region)
    for resource, reply in checked.replies:
        stores.payroll.save(active.id, reply.records)
        if resource is not Resource.ORGANISATION:  # the first pass asks whose its answers are
            stores.syncs.save_scan(active.id, Scan(resource=resource).advanced(reply, stores.now))
    return active


def _settle_failures(stores: Stores, event: ConnectCompleted) -> None:
    """What failed of the clinic's earlier consents is made up for, and none of them is held any more."""
    for one in stores.failures.find(FailureQuery(clinic_id=event.clinic_id)):
        if one.failure.place == event.type and one.failure.state.is_replayable:
            stores.failures.settle(one.id, FailureState.RESOLVED, None, "the clinic has connected since")


def _know_lists(stores: Stores, connection_id: ConnectionId, region: Region) -> None:
    """A stream is as fresh as the oldest of its lists: those that are yet to be read count too."""
    known = stores.syncs.scans(connection_id)
    for spec in PLANS[region].lists:
        if spec.resource not in known:
            stores.syncs.save_scan(connection_id, Scan(resource=spec.resource))


def _target(stores: Stores, connection: Connection, tenant: Tenant) -> Connection:
    """
    This clinic's connection to that organisation: the present one, an earlier one, or a new one.

    An earlier one whose rows have to go by now is erased first: what was promised is not taken back.
    """
    if connection.tenant is not None and connection.tenant.id == tenant.id:
        return connection
    if connection.tenant is not None:
        end(stores, connection, Erase.AFTER_GRACE, Reason.REQUESTED, but_pending=True)
    earlier = stores.connections.with_tenant(connection.clinic_id, tenant.id)
    if earlier is not None and not earlier.is_erasure_due(stores.now):
        return earlier
    if earlier is not None:
        erase(stores, earlier)
    if connection.tenant is not None:
        return stores.connections.add(connection.clinic_id)
    return connection


def request_all(
    stores: Stores,
    connection: Connection,
    *,
    mode: Mode,
    requested_by: str | None = None,
    traceparent: str | None = None,
) -> bool:
    """Queue a pass over every stream of an active connection; True if it was merged with one queued."""
    assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
    return stores.syncs.request(
        connection,
        mode=mode,
        streams=PLANS[connection.tenant.region].streams(),
        requested_by=requested_by,
        traceparent=traceparent,
    )
