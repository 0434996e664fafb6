"""Writing payroll records in memory, and counting what that changed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import singledispatchmethod

from domain.model.ids import ConnectionId, SourceId
from domain.model.payroll import (
    AccountUser,
    EmployeeDetail,
    EmployeeSummary,
    LeaveApplication,
    Organisation,
    PayCalendar,
    PayItem,
    PayrollSettings,
    PayRunDetail,
    PayRunSummary,
    PayslipLines,
    PayslipSummary,
    Record,
    TimesheetDetail,
    TimesheetSummary,
)
from domain.model.streams import Stream
from domain.model.sync import Changes, Tally
from fakes.payroll_history import PayrollHistory
from fakes.payroll_rows import Key, PayrollRows, Row, Values, by_position, values_of

PARENTS_FIRST = (PayRunSummary, PayRunDetail, PayslipSummary, PayslipLines)
"""A payslip takes its payment date from its run, so runs are written before what belongs to them."""


class PayrollWriter:
    """Saves one batch of one connection's records."""

    def __init__(self, rows: PayrollRows, connection_id: ConnectionId) -> None:
        self._rows = rows
        self._connection_id = connection_id
        self._tallies: dict[Stream, Tally] = {}
        self._runs: set[SourceId] = set()
        self._employees: set[SourceId] = set()
        self._ties: dict[SourceId, bool] = {}
        self._gone: set[SourceId] = set()
        self._history = PayrollHistory(rows, connection_id)

    def save(self, records: Sequence[Record]) -> Changes:
        rank = {kind: number for number, kind in enumerate(PARENTS_FIRST)}
        for record in sorted(records, key=lambda one: rank.get(type(one), -1)):
            self._write(record)
        dates = {run: self._payment_date(run) for run in self._runs}
        return Changes(
            tallies=self._tallies,
            pay_runs={run: day for run, day in dates.items() if day is not None},
            employees=frozenset(self._employees),
            ties=self._ties,
            gone=frozenset(self._gone),
        )

    @singledispatchmethod
    def _write(self, record: Record) -> None:
        raise TypeError(type(record))

    @_write.register
    def _(self, one: Organisation) -> None:
        self._count(Stream.ORGANISATION, changed=self._put("organisation", (), one))

    @_write.register
    def _(self, one: AccountUser) -> None:
        self._count(Stream.USERS, changed=self._put("account_user", (one.id,), one))

    @_write.register
    def _(self, one: PayrollSettings) -> None:
        self._count(Stream.SETTINGS, changed=self._put("payroll_settings", (), one, sparse=True))

    @_write.register
    def _(self, one: PayCalendar) -> None:
        self._count(Stream.SETTINGS, changed=self._put("pay_calendar", (one.id,), one))

    @_write.register
    def _(self, one: PayItem) -> None:
        self._count(Stream.SETTINGS, changed=self._put("pay_item", (one.kind, one.id), one))

    @_write.register
    def _(self, one: EmployeeSummary) -> None:
        values = values_of(one, "is_whole")
        changed = self._rows.put(
            "employee", self._connection_id, (one.id,), values, stale=True, sparse=not one.is_whole
        )
        self._count(Stream.EMPLOYEES, changed=changed, employees=[one.id])

    @_write.register
    def _(self, one: EmployeeDetail) -> None:
        values = values_of(one, "summary", "leave_balances", "leave")
        if one.summary is not None:
            values |= values_of(one.summary, "is_whole")
        changed = self._detail("employee", one.id, values)
        self._history.note_version(one.id)
        balances = by_position(one.leave_balances, ("leave_type_id",))
        changed |= self._children("leave_balance", one.id, balances)
        self._count(Stream.EMPLOYEES, changed=changed, employees=[one.id])
        if one.leave is not None:
            self._leave_of(one.id, one.leave)

    def _leave_of(self, employee: SourceId, leave: Sequence[LeaveApplication]) -> None:
        for application in leave:
            self._write(application)
        kept = {application.id for application in leave}
        dropped = self._rows.tombstone(
            "leave_application",
            self._connection_id,
            lambda key, row: row.values["employee_id"] == employee and key[0] not in kept,
        )
        gone = Tally(gone=len(dropped))
        self._tallies[Stream.LEAVE] = self._tallies.get(Stream.LEAVE, Tally()).plus(gone)
        self._employees.update(SourceId(row.values["employee_id"]) for _, row in dropped)
        self._gone.update(SourceId(key[0]) for key, _ in dropped)

    @_write.register
    def _(self, one: PayRunSummary) -> None:
        changed = self._put("pay_run", (one.id,), one, stale=True, sparse=True)
        if changed:
            self._history.compare_anew(one.id)
        self._count(Stream.PAY_RUNS, changed=changed, runs=[one.id])

    @_write.register
    def _(self, one: PayRunDetail) -> None:
        run = one.id
        changed = one.summary is not None and self._detail("pay_run", run, values_of(one.summary))
        self._clear("pay_run", run)
        touched = [slip.employee_id for slip in one.payslips if self._payslip(slip)]
        kept = {slip.id for slip in one.payslips}
        dropped = self._rows.tombstone(
            "payslip",
            self._connection_id,
            lambda key, row: row.values["pay_run_id"] == run and key[0] not in kept,
        )
        touched += [row.values["employee_id"] for _, row in dropped]
        self._gone.update(SourceId(key[0]) for key, _ in dropped)
        changed = self._compare(run) or changed or bool(touched)
        self._count(Stream.PAY_RUNS, changed=changed, runs=[run])
        self._employees.update(touched)

    @_write.register
    def _(self, one: PayslipSummary) -> None:
        changed = self._payslip(one)
        if changed:
            self._compare(one.pay_run_id)
        self._count(Stream.PAYSLIPS, changed=changed, runs=[one.pay_run_id], employees=[one.employee_id])

    @_write.register
    def _(self, one: PayslipLines) -> None:
        self._clear("payslip", one.payslip_id)
        changed = self._children("pay_line", one.payslip_id, by_position(one.lines, ("kind", "position")))
        payslips = self._rows.of("payslip", self._connection_id)
        owner = payslips[one.payslip_id,].values if (one.payslip_id,) in payslips else None
        self._count(
            Stream.PAYSLIPS,
            changed=changed,
            runs=[owner["pay_run_id"]] if owner else [],
            employees=[owner["employee_id"]] if owner else [],
        )

    @_write.register
    def _(self, one: TimesheetSummary) -> None:
        changed = self._put("timesheet", (one.id,), one, stale=True, sparse=True)
        self._count(Stream.TIMESHEETS, changed=changed, employees=[one.employee_id])

    @_write.register
    def _(self, one: TimesheetDetail) -> None:
        changed = self._detail("timesheet", one.summary.id, values_of(one.summary))
        entries = by_position(one.entries, ("position",))
        changed |= self._children("timesheet_entry", one.summary.id, entries)
        self._count(Stream.TIMESHEETS, changed=changed, employees=[one.summary.employee_id])

    @_write.register
    def _(self, one: LeaveApplication) -> None:
        changed = self._detail("leave_application", one.id, values_of(one, "periods"))
        changed |= self._children("leave_period", one.id, by_position(one.periods, ("position",)))
        self._count(Stream.LEAVE, changed=changed, employees=[one.employee_id])

    def _put(
        self, table: str, key: Key, one: Record, *, stale: bool | None = None, sparse: bool = False
    ) -> bool:
        return self._rows.put(table, self._connection_id, key, values_of(one), stale=stale, sparse=sparse)

    def _detail(self, table: str, source_id: str, values: dict[str, object]) -> bool:
        changed = self._rows.put(table, self._connection_id, (source_id,), values, stale=False)
        self._clear(table, source_id)
        return changed

    def _clear(self, table: str, source_id: str) -> None:
        is_meant: Callable[[Key, Row], bool] = lambda key, row: key == (source_id,) and row.stale  # noqa: E731
        self._rows.mark(table, self._connection_id, is_meant, stale=False, set_aside_at=None)

    def _children(self, table: str, parent: str, children: Mapping[Key, Values]) -> bool:
        return self._rows.put_children(table, self._connection_id, parent, children)

    def _payslip(self, one: PayslipSummary) -> bool:
        values = values_of(one, payment_date=self._payment_date(one.pay_run_id))
        return self._rows.put("payslip", self._connection_id, (one.id,), values, stale=True)

    def _compare(self, run: SourceId) -> bool:
        ties = self._history.tie_out(run)
        self._history.note_corrections(run)
        self._ties |= ties
        return bool(ties)

    def _payment_date(self, run: SourceId) -> date | None:
        row = self._rows.of("pay_run", self._connection_id).get((run,))
        return row.values["payment_date"] if row else None

    def _count(
        self,
        stream: Stream,
        *,
        changed: bool,
        runs: Sequence[SourceId] = (),
        employees: Sequence[SourceId] = (),
    ) -> None:
        tally = self._tallies.get(stream, Tally())
        self._tallies[stream] = tally.plus(Tally(seen=1, changed=int(changed)))
        if changed:
            self._runs.update(runs)
            self._employees.update(employees)
