"""
What to ask next: lists first, then the details that they show as changed, then the backfill.

The database says what is missing, so a crash, a limit or a deploy needs no memory of what was under way.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from domain.model.budget import Lane
from domain.model.connection import Connection
from domain.model.pauses import Rest
from domain.model.plans import PLANS
from domain.model.streams import Plan, Resource
from domain.model.sync import ListRequest, Mode, Request, Scan, Sync
from domain.ports import Stores
from domain.slices.fetching import SPARE
from domain.slices.reporting import sync_finished

BATCH = 240
"""Requests fetched and saved together: about what comes in a batch's time, where Xero allows so many."""

NEWEST = 6
"""Pay runs that are read beside the pages of a long list."""

PAYSLIPS = 1_000
"""What the pay runs of one batch may bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """
    Requests that may be made in any order, and the scans that the lists among them continue.

    `plan` says what each of them costs.
    """

    plan: Plan
    requests: tuple[Request, ...]
    lane: Lane
    sync: Sync | None = None
    scans: Mapping[Resource, Scan] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls the whole batch makes, with the one that asks whose it is."""
        return sum(self.plan.calls_for(request.resource) for request in self.requests) + SPARE

    @property
    def least(self) -> int:
        """How many calls it takes to do any of it: its first request's, and for a list that one."""
        return self._first + (SPARE if isinstance(self.requests[0], ListRequest) else 0)

    def spare(self, granted: int) -> int:
        """What is kept for asking whose it is: nothing where so few calls are left that it costs a detail."""
        return max(0, min(SPARE, granted - self._first))

    @property
    def _first(self) -> int:
        return self.plan.calls_for(self.requests[0].resource)


def plan_of(connection: Connection) -> Plan:
    """How this connection's region is read."""
    assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
    return PLANS[connection.tenant.region]


def next_batch(stores: Stores, connection: Connection, rest: Rest) -> Batch | None:
    """
    The next requests of this connection, or None if nothing is left to ask.

    Passes with nothing left to ask are finished, and say so, on the way. What rests is left out.
    """
    while (sync := _under_way(stores, connection)) is not None:
        batch = _lists(stores, connection, sync, rest) or _details(stores, connection, Lane.FRESH, rest, sync)
        if batch is not None:
            return batch
        stores.syncs.finish(sync)
        stores.outbox.add(sync_finished(stores, connection, plan_of(connection), sync), sync.traceparent)
    backlog = _details(stores, connection, Lane.FRESH, rest)
    if backlog is None and not rest.backfill:
        backlog = _details(stores, connection, Lane.BACKFILL, rest)
    if backlog is None and rest.until is None and stores.syncs.backfilled(connection.id):
        stores.outbox.add(sync_finished(stores, connection, plan_of(connection), None))
    return backlog


def _under_way(stores: Stores, connection: Connection) -> Sync | None:
    sync = stores.syncs.under_way(connection.id)
    if sync is not None:
        return sync
    sync = stores.syncs.start_next(connection.id)
    if sync is None:
        return None
    details = plan_of(connection).details_of(sync.streams)
    if sync.mode is Mode.FULL:
        stores.payroll.doubt_all(connection.id, details)
    if sync.mode is Mode.RECONCILE:
        part, parts = _of_tonight(stores, connection, details)
        stores.payroll.doubt_recent(connection.id, details, part=part, parts=parts)
    return sync


def _of_tonight(stores: Stores, connection: Connection, details: Collection[Resource]) -> tuple[int, int]:
    """
    Which of how many parts of the recent staff and runs a nightly comparison reads again.

    A large clinic's would take all of a day's calls, every day, and nothing else would ever be read.
    """
    assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
    plan = plan_of(connection).sized(stores.payroll.payslips_a_run(connection.id))
    recent = stores.payroll.recent(connection.id, details)
    calls = sum(count * plan.calls_for(one) for one, count in recent.items())
    parts = stores.budget.get_for_update(connection.tenant.id).nights(calls)
    return stores.now.toordinal() % parts, parts


def _lists(stores: Stores, connection: Connection, sync: Sync, rest: Rest) -> Batch | None:
    known = stores.syncs.scans(connection.id)
    scans = {}
    for spec in plan_of(connection).lists:
        scan = known.get(spec.resource, Scan(resource=spec.resource))
        if spec.stream not in rest.streams and sync.wants(spec, scan):
            scans[spec.resource] = scan.begun(sync, spec, stores.now)
    if not scans:
        return None
    lists = tuple(scan.request() for scan in scans.values())
    batch = Batch(plan=plan_of(connection), requests=lists, lane=Lane.FRESH, sync=sync, scans=scans)
    return batch if Resource.PAY_RUNS in scans else _with_newest(stores, connection, batch, rest)


def _with_newest(stores: Stores, connection: Connection, batch: Batch, rest: Rest) -> Batch:
    """Before the lists the newest pay runs, which do not wait for the many pages that a list may have."""
    wanted = stores.payroll.todo(connection.id, Lane.FRESH, NEWEST, but=_resting(connection, rest))
    runs = tuple(one for one in wanted if one.resource is Resource.PAY_RUN)
    if not runs:
        return batch
    payslips = stores.payroll.payslips_a_run(connection.id)
    return replace(batch, plan=batch.plan.sized(payslips), requests=(*_few(runs, payslips), *batch.requests))


def _resting(connection: Connection, rest: Rest) -> list[Resource]:
    details = plan_of(connection).details.items()
    return [resource for resource, spec in details if spec.stream in rest.streams]


def _details(
    stores: Stores, connection: Connection, lane: Lane, rest: Rest, sync: Sync | None = None
) -> Batch | None:
    wanted = stores.payroll.todo(connection.id, lane, BATCH, but=_resting(connection, rest))
    if not wanted:
        return None
    is_runs = wanted[0].resource is Resource.PAY_RUN
    first = tuple(takewhile(lambda one: (one.resource is Resource.PAY_RUN) is is_runs, wanted))
    batch = Batch(plan=plan_of(connection), requests=first, lane=lane, sync=sync)
    if not is_runs:
        return batch
    payslips = stores.payroll.payslips_a_run(connection.id)
    return replace(batch, plan=batch.plan.sized(payslips), requests=_few(first, payslips))


def _few(runs: tuple[Request, ...], payslips: int) -> tuple[Request, ...]:
    """
    Pay runs bring their payslips, which are saved, and seen, before the rest is asked for.

    They come a few at a time, or a large clinic's would fill the memory.
    """
    return runs[: max(1, PAYSLIPS // payslips) if payslips else NEWEST]
