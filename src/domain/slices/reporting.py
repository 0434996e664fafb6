"""What is said when a pass, or the backfill behind it, is over."""

from collections.abc import Mapping
from datetime import date
from functools import reduce

from domain.errors import AnswerUnreadable, RecordNotFound, RequestRefused, ScopeMissing
from domain.messages import Fault, Finished, PayrollChanged, StreamResult, SyncFinished
from domain.model.backfill import Backfill
from domain.model.budget import Lane
from domain.model.connection import Connection
from domain.model.freshness import in_words
from domain.model.ids import TenantId
from domain.model.streams import Plan, Resource, Stream
from domain.model.sync import Changes, Scan, Sync, Tally
from domain.ports import Stores

FAULTS = {
    ScopeMissing.__name__: Fault.SCOPE_MISSING,
    RecordNotFound.__name__: Fault.NOT_FOUND,
    RequestRefused.__name__: Fault.REQUEST_REFUSED,
    AnswerUnreadable.__name__: Fault.ANSWER_UNREADABLE,
}
"""What the errors that a scan keeps are called on the wire."""


def sync_finished(stores: Stores, connection: Connection, plan: Plan, sync: Sync | None) -> SyncFinished:
    """A pass is over; or, without one, the backfill is."""
    tallies = sync.tallies if sync else {}
    backfill = _backfill(stores, connection, plan, tallies)
    scans = stores.syncs.scans(connection.id)
    known_to = stores.payroll.known_to(connection.id)
    streams = (sync.streams if sync else frozenset({Stream.PAYSLIPS})) & plan.streams()
    return SyncFinished(
        clinic_id=connection.clinic_id,
        tenant_id=_tenant(connection),
        mode=Finished(sync.mode) if sync else Finished.BACKFILL,
        streams={
            stream: _result(stream, plan, scans, tallies.get(stream, Tally()), known_to.get(stream))
            for stream in Stream
            if stream in streams
        },
        backfill_percent=backfill.percent,
        backfill_calls_left=backfill.calls_left,
        backfill_wire_bytes_left=backfill.wire_bytes_left,
        backfill_ends_at=backfill.ends_at,
        requested_by=sync.requested_by if sync else None,
    )


def _tenant(connection: Connection) -> TenantId:
    assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
    return connection.tenant.id


def _backfill(
    stores: Stores, connection: Connection, plan: Plan, tallies: Mapping[Stream, Tally]
) -> Backfill:
    """What the rest will take, if its answers weigh what this pass's payslips did, or else its others."""
    backlog = stores.payroll.backlog(connection.id)
    budget = stores.budget.get_for_update(_tenant(connection))
    everything = reduce(Tally.plus, tallies.values(), Tally())
    sample = tallies.get(Stream.PAYSLIPS, everything)
    return Backfill.of(backlog, plan, budget, stores.now, sample=sample if sample.calls else everything)


def _result(
    stream: Stream, plan: Plan, scans: Mapping[Resource, Scan], tally: Tally, known_to: date | None
) -> StreamResult:
    lists = Stream.PAY_RUNS if stream is Stream.PAYSLIPS else stream
    wanted = [spec.resource for spec in plan.lists if spec.stream is lists]
    mine = [scans[resource] for resource in wanted if resource in scans]
    finished = [scan.finished_at for scan in mine if scan.finished_at]
    checked_at = min(finished) if len(finished) == len(wanted) else None
    fault = next((FAULTS.get(scan.fault, Fault.OTHER) for scan in mine if scan.fault), None)
    return StreamResult(
        calls=tally.calls,
        wire_bytes=tally.wire_bytes,
        seen=tally.seen,
        changed=tally.changed,
        gone=tally.gone,
        unreadable=tally.unreadable,
        checked_at=checked_at,
        known_to=known_to,
        freshness=in_words(stream, known_to, checked_at, is_faulty=fault is not None),
        fault=fault,
    )


def payroll_changed(connection: Connection, lane: Lane, changes: Changes) -> PayrollChanged | None:
    """Which records a save has changed; None if it changed none."""
    streams = [stream for stream in Stream if changes.tallies.get(stream, Tally()).moved]
    if not streams:
        return None
    return PayrollChanged(
        clinic_id=connection.clinic_id,
        tenant_id=_tenant(connection),
        lane=lane,
        pay_runs=sorted(changes.pay_runs),
        employees=sorted(changes.employees),
        payment_dates=sorted(set(changes.pay_runs.values())),
        streams=streams,
    )
