"""The copy of the clinics' payroll, in memory."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zlib import crc32

from domain.model.budget import Lane
from domain.model.ids import ConnectionId, SourceId
from domain.model.payroll import Record
from domain.model.streams import Resource, Stream
from domain.model.sync import Backlog, Changes, DetailRequest, ListRequest, Reply, Tally
from domain.ports import Clock
from fakes.payroll_history import PayrollHistory
from fakes.payroll_rows import Key, PayrollRows, Row
from fakes.payroll_writer import PayrollWriter
from fakes.syncs import InMemorySyncStore

DETAILS = {
    Resource.EMPLOYEE: Stream.EMPLOYEES,
    Resource.PAY_RUN: Stream.PAY_RUNS,
    Resource.PAYSLIP: Stream.PAYSLIPS,
    Resource.TIMESHEET: Stream.TIMESHEETS,
    Resource.LEAVE_APPLICATION: Stream.LEAVE,
}
"""Records that can be asked for one by one; a resource's name is that of its table."""

LISTED: dict[Resource, tuple[str, Stream, tuple[str, str] | None]] = {
    Resource.USERS: ("account_user", Stream.USERS, None),
    Resource.PAY_ITEMS: ("pay_item", Stream.SETTINGS, None),
    Resource.EARNINGS_RATES: ("pay_item", Stream.SETTINGS, ("kind", "earnings")),
    Resource.DEDUCTIONS: ("pay_item", Stream.SETTINGS, ("kind", "deduction")),
    Resource.LEAVE_TYPES: ("pay_item", Stream.SETTINGS, ("kind", "leave")),
    Resource.REIMBURSEMENTS: ("pay_item", Stream.SETTINGS, ("kind", "reimbursement")),
    Resource.SUPERANNUATIONS: ("pay_item", Stream.SETTINGS, ("kind", "superannuation")),
    Resource.STATUTORY_DEDUCTIONS: ("pay_item", Stream.SETTINGS, ("kind", "statutory_deduction")),
    Resource.BENEFITS: ("pay_item", Stream.SETTINGS, ("kind", "benefit")),
    Resource.EARNINGS_ORDERS: ("pay_item", Stream.SETTINGS, ("kind", "earnings_order")),
    Resource.PAY_CALENDARS: ("pay_calendar", Stream.SETTINGS, None),
    Resource.EMPLOYEES: ("employee", Stream.EMPLOYEES, ("status", "active")),
    Resource.TERMINATED_EMPLOYEES: ("employee", Stream.EMPLOYEES, ("status", "terminated")),
    Resource.PAY_RUNS: ("pay_run", Stream.PAY_RUNS, None),
    Resource.TIMESHEETS: ("timesheet", Stream.TIMESHEETS, None),
    Resource.LEAVE: ("leave_application", Stream.LEAVE, None),
}
"""Lists whose silence about a row means something, and which rows each would show."""

DATED = {
    Resource.PAY_RUN: "payment_date",
    Resource.PAYSLIP: "payment_date",
    Resource.TIMESHEET: "period_end",
}
"""By what records belong to the past."""

RECENT = timedelta(days=396)

TABLES = (
    "pay_line",
    "correction",
    "payslip",
    "pay_run",
    "timesheet_entry",
    "timesheet",
    "leave_period",
    "leave_application",
    "leave_balance",
    "employee_version",
    "employee",
    "pay_item",
    "pay_calendar",
    "payroll_settings",
    "account_user",
    "organisation",
)


class InMemoryPayrollStore:
    """See `domain.ports.PayrollStore`."""

    def __init__(self, syncs: InMemorySyncStore, clock: Clock) -> None:
        self.payroll = PayrollRows(clock)
        self.seen: dict[tuple[ConnectionId, Resource], frozenset[SourceId]] = {}
        self.missed: dict[tuple[ConnectionId, Resource], set[SourceId]] = {}
        self.history: timedelta | None = None
        self._syncs = syncs
        self._clock = clock

    def save(self, connection_id: ConnectionId, records: Sequence[Record]) -> Changes:
        return PayrollWriter(self.payroll, connection_id).save(records)

    def holds(self, connection_id: ConnectionId, shown: Mapping[Resource, Sequence[SourceId]]) -> bool:
        held = {one: {key[-1] for key in self.payroll.of(LISTED[one][0], connection_id)} for one in shown}
        return all(set(ids) <= held[one] for one, ids in shown.items())

    def todo(
        self, connection_id: ConnectionId, lane: Lane, limit: int, *, but: Collection[Resource] = ()
    ) -> Sequence[DetailRequest]:
        newest = self._newest(connection_id)
        runs = self._stale(connection_id, Resource.PAY_RUN, "payment_date")
        slips = self._stale(connection_id, Resource.PAYSLIP, "payment_date")
        sheets = self._stale(connection_id, Resource.TIMESHEET, "period_start")
        recent = self._recent_sheets(connection_id)
        fresh = [
            *(one for one in runs if one[0].source_id in newest and self._is_kept(Resource.PAY_RUN, one[1])),
            *self._stale(connection_id, Resource.EMPLOYEE),
            *(one for one in sheets if one[0].source_id in recent),
            *self._stale(connection_id, Resource.LEAVE_APPLICATION, "start_date"),
            *(one for one in slips if one[1].values["pay_run_id"] in newest),
        ]
        state = self._syncs.states.get(connection_id)
        is_backfilled = state is not None and state.backfilled_at is not None
        history = [one for one in (*runs, *slips, *sheets) if self._is_kept(one[0].resource, one[1])]
        wanted = history if lane is Lane.BACKFILL else fresh + (history if is_backfilled else [])
        return list(dict.fromkeys(one for one, _ in wanted if one.resource not in but))[:limit]

    def _is_kept(self, resource: Resource, row: Row) -> bool:
        """Whether it is not of so long ago that it is left alone."""
        if self.history is None or resource not in DATED:
            return True
        return bool(row.values[DATED[resource]] >= (self._clock() - self.history).date())

    def _recent_sheets(self, connection_id: ConnectionId) -> set[str]:
        rows = self.payroll.of(Resource.TIMESHEET, connection_id)
        ends = {key[-1]: row.values["period_end"] for key, row in rows.items() if row.is_there}
        newest = max(ends.values(), default=date.min)
        return {one for one, end in ends.items() if end > newest - timedelta(days=60)}

    def backlog(self, connection_id: ConnectionId) -> Backlog:
        fresh, stale = {}, {}
        for resource in (Resource.EMPLOYEE, Resource.PAY_RUN, Resource.PAYSLIP, Resource.TIMESHEET):
            rows = self.payroll.of(resource, connection_id).values()
            there = [row.stale for row in rows if row.is_there and self._is_kept(resource, row)]
            fresh[resource], stale[resource] = there.count(False), there.count(True)
        runs = self._payslips_of_runs(connection_id)
        per_run = Decimal(runs.total()) / len(runs) if runs else Decimal(self._active(connection_id))
        return Backlog(fresh=fresh, stale=stale, payslips_per_run=per_run)

    def payslips_a_run(self, connection_id: ConnectionId) -> int:
        return max(self._active(connection_id), *self._payslips_of_runs(connection_id).values(), 0)

    def _payslips_of_runs(self, connection_id: ConnectionId) -> Counter[str]:
        slips = self.payroll.of("payslip", connection_id).values()
        return Counter(row.values["pay_run_id"] for row in slips if row.is_there)

    def _active(self, connection_id: ConnectionId) -> int:
        staff = self.payroll.of("employee", connection_id).values()
        return sum(row.is_there and row.values["status"] == "active" for row in staff)

    def known_to(self, connection_id: ConnectionId) -> Mapping[Stream, date]:
        runs = self.payroll.of("pay_run", connection_id)
        posted = {key[-1] for key, run in runs.items() if run.is_there and run.values["status"] == "posted"}
        tied = {key for key in posted if runs[key,].values.get("ties_out")}
        slips = self.payroll.of("payslip", connection_id).values()
        sheets = self.payroll.of("timesheet", connection_id).values()
        days = {
            Stream.PAY_RUNS: [runs[key].values["payment_date"] for key in runs if key[-1] in posted],
            Stream.PAYSLIPS: [
                slip.values["payment_date"]
                for slip in slips
                if slip.is_there and slip.values["pay_run_id"] in tied
                if not slip.stale and slip.set_aside_at is None
            ],
            Stream.TIMESHEETS: [sheet.values["period_end"] for sheet in sheets if sheet.is_there],
        }
        return {stream: max(found) for stream, found in days.items() if found}

    def gone(self, connection_id: ConnectionId, requests: Sequence[DetailRequest]) -> Changes:
        changes = Changes()
        for resource, stream in DETAILS.items():
            ids = {one.source_id for one in requests if one.resource is resource}
            if ids:
                changes = changes.plus(self._delete(connection_id, resource, stream, ids))
        return changes

    def _delete(self, connection_id: ConnectionId, table: str, stream: Stream, ids: set[SourceId]) -> Changes:
        found = self.payroll.tombstone(table, connection_id, lambda key, _: key[-1] in ids)
        tallies = {stream: Tally(gone=len(found))}
        if table == Resource.PAY_RUN:
            found += self.payroll.tombstone(
                "payslip", connection_id, lambda _, row: row.values["pay_run_id"] in ids
            )
        owners = (
            key[0] if table == Resource.EMPLOYEE else row.values.get("employee_id") for key, row in found
        )
        changes = Changes(
            tallies=tallies,
            employees=frozenset(SourceId(one) for one in owners if one),
            gone=frozenset({*ids, *(SourceId(key[-1]) for key, _ in found)}),
        )
        if table not in (Resource.PAY_RUN, Resource.PAYSLIP):
            return changes
        if table == Resource.PAY_RUN:
            touched = ids
        else:
            slips = self.payroll.of("payslip", connection_id)
            touched = {SourceId(row.values["pay_run_id"]) for key, row in slips.items() if key[0] in ids}
        runs = self.payroll.of("pay_run", connection_id)
        dates = {
            SourceId(key[0]): row.values["payment_date"] for key, row in runs.items() if key[0] in touched
        }
        history = PayrollHistory(self.payroll, connection_id)
        ties: dict[SourceId, bool] = {}
        for run in dates:
            ties |= history.tie_out(run)
            history.note_corrections(run)
        return changes.plus(Changes(pay_runs=dates, ties=ties))

    def set_aside(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        meant = _is_among({request.source_id})
        self.payroll.mark(request.resource, connection_id, meant, stale=False, set_aside_at=self._clock())

    def doubt(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        self._doubt(request.resource, connection_id, lambda key, _: key[0] == request.source_id)

    def is_doubted(self, connection_id: ConnectionId, request: DetailRequest) -> bool:
        row = self.payroll.of(request.resource, connection_id).get((request.source_id,))
        return row is not None and row.stale

    def doubt_newest(self, connection_id: ConnectionId) -> None:
        newest = self._newest(connection_id, status="posted")
        self._doubt(
            Resource.PAY_RUN,
            connection_id,
            lambda key, row: row.values["status"] == "draft" or key[0] in newest,
        )

    def doubt_all(self, connection_id: ConnectionId, details: Collection[Resource]) -> None:
        for resource in details:
            self._doubt(resource, connection_id, lambda _key, _row: True)
        self._syncs.reopen_backfill(connection_id)

    def recent(self, connection_id: ConnectionId, details: Collection[Resource]) -> Mapping[Resource, int]:
        found = {}
        for resource in {Resource.EMPLOYEE, Resource.PAY_RUN} & set(details):
            rows = self.payroll.of(resource, connection_id).values()
            found[resource] = sum(row.is_there and self._is_recent(resource, row) for row in rows)
        return found

    def _is_recent(self, resource: Resource, row: Row) -> bool:
        since = (self._clock() - RECENT).date()
        if resource is Resource.EMPLOYEE:
            return _is_recent(row.values, since)
        return bool(row.values["status"] == "draft" or row.values["payment_date"] > since)

    def doubt_recent(
        self, connection_id: ConnectionId, details: Collection[Resource], *, part: int = 0, parts: int = 1
    ) -> None:
        def is_meant(resource: Resource, key: Key, row: Row) -> bool:
            is_in_part = crc32(key[-1].encode()) % parts == part or row.values["status"] == "draft"
            return is_in_part and self._is_recent(resource, row)

        for resource in {Resource.EMPLOYEE, Resource.PAY_RUN} & set(details):
            self._doubt(resource, connection_id, partial(is_meant, resource))
        for resource in details:
            self._doubt(resource, connection_id, lambda _, row: row.set_aside_at is not None)

    def note_seen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> None:
        if request.resource not in LISTED:
            return
        place = (connection_id, request.resource)
        before = self.seen.get(place, frozenset()) if request.page > 1 else frozenset()
        self.seen[place] = before | frozenset(reply.shown)

    def doubt_unseen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> Changes:
        if request.resource not in LISTED:
            return Changes()
        table, stream, _ = LISTED[request.resource]
        place = (connection_id, request.resource)
        earlier = self.seen.pop(place, frozenset()) if request.page > 1 else frozenset()
        self.seen.pop(place, None)
        seen = earlier | frozenset(reply.shown)
        listed = self._listed(connection_id, request.resource)
        missing = {SourceId(key[-1]) for key in listed if key[-1] not in seen}
        is_certain = bool(reply.records) and all(one.source_id for one in reply.unreadable)
        is_askable = table in DETAILS
        if is_certain and not is_askable:
            before = self.missed.get(place, set())
            self.missed[place] = missing
            missing = missing if request.page == 1 else missing & before
        if not missing:
            return Changes()
        if is_certain and table != Resource.EMPLOYEE and (request.page == 1 or not is_askable):
            return self._delete(connection_id, table, stream, missing)
        if is_askable:
            self._doubt(Resource(table), connection_id, lambda key, _: key[-1] in missing)
        return Changes()

    def count(self, connection_id: ConnectionId, resource: Resource) -> int:
        return len(self._listed(connection_id, resource)) if resource in LISTED else 0

    def _listed(self, connection_id: ConnectionId, resource: Resource) -> list[Key]:
        """The rows that a list would show."""
        table, _, which = LISTED[resource]
        rows = self.payroll.of(table, connection_id).items()
        return [
            key for key, row in rows if row.is_there and (which is None or row.values[which[0]] == which[1])
        ]

    def erase(self, connection_id: ConnectionId) -> Mapping[str, int]:
        counts = {table: len(self.payroll.of(table, connection_id)) for table in TABLES}
        rows, scans = self.payroll.rows, self._syncs.kept_scans
        self.payroll.rows = {key: row for key, row in rows.items() if key[1] != connection_id}
        self._syncs.kept_scans = {key: scan for key, scan in scans.items() if key[0] != connection_id}
        self.seen = {key: seen for key, seen in self.seen.items() if key[0] != connection_id}
        self.missed = {key: missed for key, missed in self.missed.items() if key[0] != connection_id}
        self._syncs.reopen_backfill(connection_id)
        return counts

    def _doubt(
        self, resource: Resource, connection_id: ConnectionId, is_meant: Callable[[Key, Row], bool]
    ) -> None:
        self.payroll.mark(
            resource, connection_id, lambda key, row: row.is_there and is_meant(key, row), stale=True
        )

    def _newest(self, connection_id: ConnectionId, status: str | None = None) -> set[str]:
        """The newest pay run of each calendar."""
        runs = self.payroll.of("pay_run", connection_id).items()
        newest: dict[str | None, tuple[Any, str]] = {}
        for (run, *_), row in sorted(runs, reverse=True):
            rank = (row.values["payment_date"], row.values["period_end"])
            held = newest.get(row.values["calendar_id"])
            is_meant = row.is_there and status in (None, row.values["status"])
            if is_meant and (held is None or rank >= held[0]):
                newest[row.values["calendar_id"]] = (rank, run)
        return {run for _, run in newest.values()}

    def _stale(
        self, connection_id: ConnectionId, resource: Resource, newest_by: str | None = None
    ) -> list[tuple[DetailRequest, Row]]:
        rows = sorted(
            (key, row) for key, row in self.payroll.of(resource, connection_id).items() if row.stale
        )
        if newest_by is not None:
            rows.sort(key=lambda one: one[1].values[newest_by], reverse=True)
        return [(DetailRequest(resource, SourceId(key[0])), row) for key, row in rows]


def _is_recent(employee: Mapping[str, Any], since: date) -> bool:
    end_date: date | None = employee["end_date"]
    return employee["status"] == "active" or (end_date is not None and end_date > since)


def _is_among(ids: set[SourceId]) -> Callable[[Key, Row], bool]:
    return lambda key, _: key[0] in ids
