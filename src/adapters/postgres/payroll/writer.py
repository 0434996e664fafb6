"""Write a batch of records: a few set-based statements for each kind of record in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection as Session
from sqlalchemy import text

from adapters.postgres.payroll import history, rows, tables
from adapters.postgres.payroll.upsert import Children, Upsert
from domain.model.ids import ClinicId, ConnectionId, SourceId
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

R = TypeVar("R")

ORGANISATION = Upsert(tables.organisation, rows.ORGANISATION, key=(), returning=("id",))
USER = Upsert(tables.account_user, rows.USER, key=("id",))
SETTINGS = Upsert(tables.payroll_settings, rows.SETTINGS, key=(), sparse=True, returning=("connection_id",))
CALENDAR = Upsert(tables.pay_calendar, rows.CALENDAR, key=("id",))
ITEM = Upsert(tables.pay_item, rows.ITEM, key=("kind", "id"))
EMPLOYEE_LISTED = Upsert(tables.employee, rows.EMPLOYEE, key=("id",), stale=True, sparse=True)
EMPLOYEE_LISTED_WHOLE = Upsert(tables.employee, rows.EMPLOYEE, key=("id",), stale=True)
EMPLOYEE = Upsert(tables.employee, rows.EMPLOYEE, key=("id",), stale=False)
EMPLOYEE_DETAIL = Upsert(tables.employee, ("id", *rows.EMPLOYEE_DETAIL), key=("id",), stale=False)
BALANCES = Children(tables.leave_balance, rows.BALANCE, key=("employee_id", "leave_type_id"))
PAY_RUN_LISTED = Upsert(tables.pay_run, rows.PAY_RUN, key=("id",), stale=True, sparse=True)
PAY_RUN = Upsert(tables.pay_run, rows.PAY_RUN, key=("id",), stale=False)
PAYSLIP = Upsert(
    tables.payslip, rows.PAYSLIP, key=("id",), stale=True, returning=("pay_run_id", "employee_id")
)
LINES = Children(tables.pay_line, rows.LINE, key=("payslip_id", "kind", "position"))
TIMESHEET_LISTED = Upsert(
    tables.timesheet,
    rows.TIMESHEET,
    key=("id",),
    stale=True,
    sparse=True,
    returning=("id", "employee_id"),
)
TIMESHEET = Upsert(
    tables.timesheet, rows.TIMESHEET, key=("id",), stale=False, returning=("id", "employee_id")
)
ENTRIES = Children(tables.timesheet_entry, rows.ENTRY, key=("timesheet_id", "position"))
LEAVE = Upsert(
    tables.leave_application, rows.LEAVE, key=("id",), stale=False, returning=("id", "employee_id")
)
PERIODS = Children(tables.leave_period, rows.PERIOD, key=("application_id", "position"))


CLEAR = """
UPDATE {table} SET stale = false, set_aside_at = NULL
 WHERE connection_id = :connection_id AND id = ANY(:ids) AND stale
"""

DROPPED_PAYSLIPS = text("""
UPDATE allie_xero.payslip SET deleted_at = now(), changed_at = now(), stale = false
 WHERE connection_id = :connection_id AND pay_run_id = ANY(:runs) AND deleted_at IS NULL
   AND id <> ALL(CAST(:kept AS text[]))
RETURNING id, pay_run_id, employee_id
""")

DROPPED_LEAVE = text("""
UPDATE allie_xero.leave_application SET deleted_at = now(), changed_at = now(), stale = false
 WHERE connection_id = :connection_id AND employee_id = ANY(:employees) AND deleted_at IS NULL
   AND id <> ALL(CAST(:kept AS text[]))
RETURNING id, employee_id
""")

LINES_CHANGED = text("""
UPDATE allie_xero.payslip SET changed_at = now()
 WHERE connection_id = :connection_id AND id = ANY(:ids)
RETURNING pay_run_id, employee_id
""")

COMPARE_ANEW = text("""
UPDATE allie_xero.pay_run SET ties_out = NULL
 WHERE connection_id = :connection_id AND id = ANY(:ids) AND ties_out
""")
"""A run's payslips are those that it was compared with; one that is withheld stays so until it is read."""

PAYMENT_DATES = text("""
SELECT id, payment_date FROM allie_xero.pay_run WHERE connection_id = :connection_id AND id = ANY(:ids)
""")


class PayrollWriter:
    """Saves one batch of one connection's records, and keeps count of what that changed."""

    def __init__(self, session: Session, clinic_id: ClinicId | None, connection_id: ConnectionId) -> None:
        self._session = session
        self._scope: dict[str, object] = {"connection_id": connection_id, "clinic_id": clinic_id}
        self._tallies: dict[Stream, Tally] = {}
        self._runs: set[SourceId] = set()
        self._employees: set[SourceId] = set()
        self._ties: dict[SourceId, bool] = {}
        self._gone: set[SourceId] = set()

    def save(self, records: Sequence[Record]) -> Changes:
        """Write what differs, parents before children."""
        by_type: dict[type, list[Any]] = {}
        for record in records:
            by_type.setdefault(type(record), []).append(record)
        for type_, write in self._writers().items():
            if type_ in by_type:
                write(by_type[type_])
        return Changes(
            tallies=self._tallies,
            pay_runs=self._payment_dates(),
            employees=frozenset(self._employees),
            ties=self._ties,
            gone=frozenset(self._gone),
        )

    def _writers(self) -> dict[type, Any]:
        return {
            Organisation: self._flat(Stream.ORGANISATION, ORGANISATION, rows.organisation_row),
            AccountUser: self._flat(Stream.USERS, USER, rows.user_row),
            PayrollSettings: self._flat(Stream.SETTINGS, SETTINGS, rows.settings_row),
            PayCalendar: self._flat(Stream.SETTINGS, CALENDAR, rows.calendar_row),
            PayItem: self._flat(Stream.SETTINGS, ITEM, rows.item_row),
            EmployeeSummary: self._employees_listed,
            EmployeeDetail: self._employee_details,
            PayRunSummary: self._pay_runs_listed,
            PayRunDetail: self._pay_run_details,
            PayslipSummary: self._payslips,
            PayslipLines: self._payslip_lines,
            TimesheetSummary: self._timesheets_listed,
            TimesheetDetail: self._timesheet_details,
            LeaveApplication: self._leave,
        }

    def _flat(self, stream: Stream, upsert: Upsert, row: Any) -> Any:
        def write(records: Sequence[Record]) -> None:
            changed = upsert.write(self._session, self._scope, [row(one) for one in records])
            self._count(stream, len(records), len(changed))

        return write

    def _employees_listed(self, records: Sequence[EmployeeSummary]) -> None:
        changed = set()
        for upsert, is_whole in ((EMPLOYEE_LISTED, False), (EMPLOYEE_LISTED_WHOLE, True)):
            written = [rows.employee_row(one) for one in records if one.is_whole is is_whole]
            changed |= {row.id for row in upsert.write(self._session, self._scope, written)}
        self._employees.update(changed)
        self._count(Stream.EMPLOYEES, len(records), len(changed))

    def _employee_details(self, records: Sequence[EmployeeDetail]) -> None:
        summaries = [rows.employee_row(one.summary) for one in records if one.summary is not None]
        details = [rows.employee_detail_row(one) for one in records]
        ids = [one.id for one in records]
        changed = {row.id for row in EMPLOYEE.write(self._session, self._scope, summaries)}
        changed |= {row.id for row in EMPLOYEE_DETAIL.write(self._session, self._scope, details)}
        self._clear(tables.employee.fullname, ids)
        history.note_versions(self._session, self._scope, ids)
        parents = {one.id: one.leave_balances for one in records}
        changed |= self._children(parents, rows.BALANCE, BALANCES)
        self._employees.update(changed)
        self._count(Stream.EMPLOYEES, len(records), len(changed))
        self._leave_of({one.id: one.leave for one in records if one.leave is not None})

    def _leave_of(self, leave: Mapping[SourceId, Sequence[LeaveApplication]]) -> None:
        """All the leave of some employees: what is not there any more is gone."""
        if not leave:
            return
        found = [one for applications in leave.values() for one in applications]
        self._leave(found)
        values = {"employees": list(leave), "kept": [one.id for one in found]}
        gone = self._session.execute(DROPPED_LEAVE, {**self._scope, **values}).all()
        self._employees.update(SourceId(row.employee_id) for row in gone)
        self._gone.update(SourceId(row.id) for row in gone)
        self._count(Stream.LEAVE, 0, 0, gone=len(gone))

    def _pay_runs_listed(self, records: Sequence[PayRunSummary]) -> None:
        written = [rows.pay_run_row(one) for one in records]
        changed = [SourceId(row.id) for row in PAY_RUN_LISTED.write(self._session, self._scope, written)]
        if changed:
            self._session.execute(COMPARE_ANEW, {**self._scope, "ids": changed})
        self._runs.update(changed)
        self._count(Stream.PAY_RUNS, len(records), len(changed))

    def _pay_run_details(self, records: Sequence[PayRunDetail]) -> None:
        summaries = [rows.pay_run_row(one.summary) for one in records if one.summary is not None]
        changed = {row.id for row in PAY_RUN.write(self._session, self._scope, summaries)}
        runs = [one.id for one in records]
        self._clear(tables.pay_run.fullname, runs)
        dates = self._dates_of(runs)
        payslips = [(one, slip) for one in records for slip in one.payslips]
        written = [rows.payslip_row(slip, dates.get(one.id)) for one, slip in payslips]
        touched = PAYSLIP.write(self._session, self._scope, written)
        kept = {"runs": runs, "kept": [slip.id for _, slip in payslips]}
        dropped = self._session.execute(DROPPED_PAYSLIPS, {**self._scope, **kept}).all()
        self._gone.update(SourceId(row.id) for row in dropped)
        touched += dropped
        self._touch(touched)
        changed |= {row.pay_run_id for row in touched} | self._compare(runs)
        self._runs.update(changed)
        self._count(Stream.PAY_RUNS, len(records), len(changed))

    def _compare(self, runs: Iterable[SourceId]) -> set[SourceId]:
        """Hold pay runs against their payslips, and what is posted against what was; give whose tie moved."""
        ties = history.tie_out(self._session, self._scope, list(runs))
        history.note_corrections(self._session, self._scope, list(runs))
        self._ties |= ties
        return set(ties)

    def _payslips(self, records: Sequence[PayslipSummary]) -> None:
        dates = self._dates_of({one.pay_run_id for one in records})
        written = [rows.payslip_row(one, dates.get(one.pay_run_id)) for one in records]
        changed = PAYSLIP.write(self._session, self._scope, written)
        self._touch(changed)
        self._compare({row.pay_run_id for row in changed})
        self._count(Stream.PAYSLIPS, len(records), len(changed))

    def _payslip_lines(self, records: Sequence[PayslipLines]) -> None:
        ids = [one.payslip_id for one in records]
        self._clear(tables.payslip.fullname, ids)
        parents = {one.payslip_id: one.lines for one in records}
        changed = self._children(parents, rows.LINE, LINES)
        if changed:
            self._touch(self._session.execute(LINES_CHANGED, {**self._scope, "ids": list(changed)}).all())
        self._count(Stream.PAYSLIPS, len(records), len(changed))

    def _timesheets_listed(self, records: Sequence[TimesheetSummary]) -> None:
        written = [rows.timesheet_row(one) for one in records]
        changed = TIMESHEET_LISTED.write(self._session, self._scope, written)
        self._employees.update(SourceId(row.employee_id) for row in changed)
        self._count(Stream.TIMESHEETS, len(records), len(changed))

    def _timesheet_details(self, records: Sequence[TimesheetDetail]) -> None:
        written = [rows.timesheet_row(one.summary) for one in records]
        changed = {row.id for row in TIMESHEET.write(self._session, self._scope, written)}
        self._clear(tables.timesheet.fullname, [one.summary.id for one in records])
        parents = {one.summary.id: one.entries for one in records}
        changed |= self._children(parents, rows.ENTRY, ENTRIES)
        self._employees.update(one.summary.employee_id for one in records if one.summary.id in changed)
        self._count(Stream.TIMESHEETS, len(records), len(changed))

    def _leave(self, records: Sequence[LeaveApplication]) -> None:
        written = [rows.leave_row(one) for one in records]
        changed = {row.id for row in LEAVE.write(self._session, self._scope, written)}
        self._clear(tables.leave_application.fullname, [one.id for one in records])
        parents = {one.id: one.periods for one in records}
        changed |= self._children(parents, rows.PERIOD, PERIODS)
        self._employees.update(one.employee_id for one in records if one.id in changed)
        self._count(Stream.LEAVE, len(records), len(changed))

    def _children(
        self, parents: Mapping[SourceId, Sequence[Any]], columns: Sequence[str], children: Children
    ) -> set[SourceId]:
        """Make what `parents` hold their children, and no others; give whose changed."""
        written = [row for parent, found in parents.items() for row in rows.children(parent, columns, found)]
        changed = children.write(self._session, self._scope, list(parents), written)
        return {SourceId(row[0]) for row in changed}

    def _clear(self, table: str, ids: Sequence[str]) -> None:
        self._session.execute(text(CLEAR.format(table=table)), {**self._scope, "ids": list(ids)})

    def _touch(self, payslips: Iterable[Any]) -> None:
        for row in payslips:
            self._runs.add(SourceId(row.pay_run_id))
            self._employees.add(SourceId(row.employee_id))

    def _count(self, stream: Stream, seen: int, changed: int, *, gone: int = 0) -> None:
        counted = Tally(seen=seen, changed=changed, gone=gone)
        self._tallies[stream] = self._tallies.get(stream, Tally()).plus(counted)

    def _payment_dates(self) -> dict[SourceId, Any]:
        return self._dates_of(self._runs) if self._runs else {}

    def _dates_of(self, runs: Iterable[str]) -> dict[SourceId, Any]:
        found = self._session.execute(PAYMENT_DATES, {**self._scope, "ids": list(runs)}).all()
        return {SourceId(row.id): row.payment_date for row in found}
