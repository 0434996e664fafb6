"""A pass over a connection's streams: what it asks, how far it is, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import Self

from domain.errors import ServiceError
from domain.model.budget import LimitsSeen
from domain.model.ids import ClinicId, ConnectionId, SourceId, SyncId
from domain.model.payroll import Record
from domain.model.streams import ListSpec, Plan, Resource, Stream

OVERLAP = timedelta(minutes=5)
"""How far before the watermark a list is asked again: pages are no snapshot, and stamps come late."""

MAX_PAGES = 5_000
"""A list longer than this is a loop: 500,000 records."""


SCHEDULE = "schedule"
"""Who asked for a pass that nobody asked for."""


class Mode(StrEnum):
    """How much a sync asks for, from least to most."""

    CHANGES = "changes"
    RECONCILE = "reconcile"
    FULL = "full"

    def merged(self, other: "Mode") -> "Mode":
        """The one that covers both."""
        order = list(Mode)
        return max(self, other, key=order.index)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """One page of a list, of everything or of what changed since."""

    resource: Resource
    page: int = 1
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DetailRequest:
    """One record in full."""

    resource: Resource
    source_id: SourceId


Request = ListRequest | DetailRequest


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not be read: which one, as far as it says, and why, without its content."""

    source_id: SourceId | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    What Xero answered.

    `at` is Xero's clock; `wire_bytes` is what came over the network, in `calls` calls. `more` says that
    another page follows; `head` is the id of the first record, by which a page that comes again is known.
    """

    records: tuple[Record, ...]
    at: datetime
    wire_bytes: int
    unreadable: tuple[Unreadable, ...] = ()
    more: bool = False
    head: str | None = None
    calls: int = 1
    limits: LimitsSeen = field(default_factory=LimitsSeen)
    unknown_values: tuple[str, ...] = ()

    @property
    def shown(self) -> list[SourceId]:
        """The ids of what a list shows, those of unreadable records too."""
        return [*self.readable, *(one.source_id for one in self.unreadable if one.source_id)]

    @property
    def readable(self) -> list[SourceId]:
        """The ids of the records that could be read; settings have none."""
        rows = (getattr(one, "summary", None) or one for one in self.records)
        return [SourceId(row.id) for row in rows if hasattr(row, "id")]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A request and what came of it: a reply, or the error that took its place."""

    request: Request
    result: Reply | ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """
    How far a list has been read.

    `watermark` is Xero's clock at the start of the last complete scan, and `finished_at` ours: what changed
    later may not be in it. A scan under way belongs to `sync_id`, was `begun_at`, will set the watermark to
    `mark`, and continues at `page`.
    """

    resource: Resource
    watermark: datetime | None = None
    finished_at: datetime | None = None
    fault: str | None = None
    attempted_at: datetime | None = None
    sync_id: SyncId | None = None
    begun_at: datetime | None = None
    page: int = 1
    head: str | None = None
    since: datetime | None = None
    mark: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a pass is in the middle of it."""
        return self.sync_id is not None

    @property
    def is_full(self) -> bool:
        """Whether it reads everything, so that what it does not show has vanished."""
        return self.since is None

    def request(self) -> ListRequest:
        """The next page."""
        return ListRequest(self.resource, self.page, self.since)

    def begun(self, sync: "Sync", spec: ListSpec, now: datetime) -> Self:
        """
        This scan, under way for `sync`; one that already is continues where it was.

        `now` may be a moment before the pass was asked for, whose row was then waited for.
        """
        now = max(now, sync.requested_at)
        if self.sync_id == sync.id:
            return replace(self, begun_at=self.begun_at or now)
        changes_only = spec.since and sync.mode is Mode.CHANGES and self.watermark is not None
        since = self.watermark - OVERLAP if changes_only and self.watermark else None
        return replace(self, sync_id=sync.id, begun_at=now, page=1, head=None, since=since, mark=None)

    def loops(self, reply: Reply) -> bool:
        """Whether Xero gave the page before this one again, or more pages than can be meant."""
        is_same = self.page > 1 and reply.head is not None and reply.head == self.head
        return is_same or (reply.more and self.page >= MAX_PAGES)

    def advanced(self, reply: Reply, now: datetime) -> Self:
        """After a page was saved; a list that loops is taken to have ended."""
        mark = self.mark or reply.at
        if reply.more and not self.loops(reply):
            return replace(self, page=self.page + 1, head=reply.head, mark=mark)
        looked_at = self.begun_at or now
        return replace(
            self,
            watermark=mark,
            finished_at=looked_at,
            fault=None,
            attempted_at=looked_at,
            sync_id=None,
            begun_at=None,
            page=1,
            head=None,
            since=None,
            mark=None,
        )

    def failed(self, fault: str, now: datetime) -> Self:
        """Xero refuses this list; the sync goes on without it, and the next one asks again."""
        return replace(
            self,
            fault=fault,
            attempted_at=self.begun_at or now,
            sync_id=None,
            begun_at=None,
            page=1,
            head=None,
            since=None,
            mark=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was done for one stream."""

    calls: int = 0
    wire_bytes: int = 0
    seen: int = 0
    changed: int = 0
    gone: int = 0
    unreadable: int = 0

    @property
    def moved(self) -> int:
        """How many records are not what they were."""
        return self.changed + self.gone

    def plus(self, other: Self) -> Self:
        """Both together."""
        return replace(
            self,
            calls=self.calls + other.calls,
            wire_bytes=self.wire_bytes + other.wire_bytes,
            seen=self.seen + other.seen,
            changed=self.changed + other.changed,
            gone=self.gone + other.gone,
            unreadable=self.unreadable + other.unreadable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """
    What a save changed: counts by stream, and whose figures moved (pay runs with their payment dates).

    `ties` are pay runs that have come to equal the sum of their payslips, or ceased to; `gone` are the
    records, of any kind, that Xero has no more.
    """

    tallies: Mapping[Stream, Tally] = field(default_factory=dict)
    pay_runs: Mapping[SourceId, date] = field(default_factory=dict)
    employees: frozenset[SourceId] = frozenset()
    ties: Mapping[SourceId, bool] = field(default_factory=dict)
    gone: frozenset[SourceId] = frozenset()

    def plus(self, other: Self) -> Self:
        """Both together."""
        tallies = dict(self.tallies)
        for stream, tally in other.tallies.items():
            tallies[stream] = tallies[stream].plus(tally) if stream in tallies else tally
        return replace(
            self,
            tallies=tallies,
            pay_runs={**self.pay_runs, **other.pay_runs},
            employees=self.employees | other.employees,
            ties={**self.ties, **other.ties},
            gone=self.gone | other.gone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One pass: every list it covers is read once, and every detail that they show as changed."""

    id: SyncId
    connection_id: ConnectionId
    clinic_id: ClinicId
    mode: Mode
    streams: frozenset[Stream]
    requested_at: datetime
    started_at: datetime | None = None
    requested_by: str | None = None
    traceparent: str | None = None
    tallies: Mapping[Stream, Tally] = field(default_factory=dict)

    def wants(self, spec: ListSpec, scan: Scan) -> bool:
        """
        Whether this pass still has to read that list.

        What another has read since this one was asked for will do, unless all of the list is meant: the other
        may have asked for no more than changes, which hides what is gone.
        """
        if spec.stream not in self.streams:
            return False
        looked_at = max(filter(None, (scan.finished_at, scan.attempted_at)), default=None)
        if looked_at is None or scan.sync_id == self.id:
            return True
        if self.mode is Mode.CHANGES:
            return looked_at < self.requested_at - spec.rest
        return looked_at < (self.started_at or self.requested_at)

    def looks_twice(self, resource: Resource, scans: Mapping[Resource, Scan]) -> bool:
        """
        Whether reading this list should be followed by reading the newest pay runs again.

        A pass that looks at the seldom-moving lists too leaves that to the next: ten calls are enough.
        """
        return (
            resource is Resource.PAY_RUNS and self.mode is Mode.CHANGES and Resource.ORGANISATION not in scans
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to run slices of one connection; every write is refused once it is not current."""

    connection_id: ConnectionId
    clinic_id: ClinicId
    generation: int
    epoch: int
    length: timedelta
    attempt: int = 1

    @property
    def batch_time(self) -> timedelta:
        """
        How long calls of a batch are begun, so that what has come is saved well before the lease runs out.

        A quarter of it, at most 10 s: the last calls, and saving, have the rest.
        """
        return min(timedelta(seconds=10), self.length / 4)

    @property
    def backoff(self) -> timedelta:
        """How long to wait after this attempt has failed: 5 s, doubling to 15 minutes."""
        return min(timedelta(seconds=5) * (1 << min(self.attempt - 1, 10)), timedelta(minutes=15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """
    How much of a connection's detail is there, and how much is still to be read: counts by resource.

    `payslips_per_run` is how many payslips a pay run has on average, for runs that are yet to be read.
    """

    fresh: Mapping[Resource, int]
    stale: Mapping[Resource, int]
    payslips_per_run: Decimal = Decimal()

    def calls_left(self, plan: Plan) -> int:
        """How many calls it will take to read what is missing."""
        plan = self._sized(plan)
        known = sum(count * plan.calls_for(one) for one, count in self.stale.items())
        if Resource.PAYSLIP not in plan.details:
            return known
        return known + round(self.stale.get(Resource.PAY_RUN, 0) * self.payslips_per_run)

    def percent(self, plan: Plan) -> int:
        """How much is there already, in calls, 0 to 100; 100 only when nothing is missing."""
        left = self.calls_left(plan)
        plan = self._sized(plan)
        made = sum(count * plan.calls_for(one) for one, count in self.fresh.items())
        return 100 if left == 0 else min(99, 100 * made // (made + left))

    def _sized(self, plan: Plan) -> Plan:
        """With the calls that a pay run's pages take, on average."""
        return plan.sized(ceil(self.payslips_per_run))
