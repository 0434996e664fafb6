"""The life of a pay run: opened, posted, reverted, deleted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, Employee, Leave, Timesheet
from simulator.payroll.pay import Adjustment, Entry, PayRun
from simulator.payroll.periods import period_end

PAY_AFTER = timedelta(days=3)


def open_run(clinic: Clinic, calendar: Calendar, now: datetime) -> PayRun:
    """A draft run for the calendar's next period, with everyone who works in it."""
    start, end = calendar.start_date, calendar.end_date
    run = _draft(clinic, calendar, "scheduled", (start, end), now)
    absences = _leave_in(clinic, start, end)
    entries = [
        Entry(
            payslip_id=clinic.new_id("payslip"),
            employee=employee,
            timesheet=_payable(clinic.timesheet_at(employee.id, start)),
            leave=tuple(absences.get(employee.id, ())),
            updated_at=now,
        )
        for employee in clinic.employees.values()
        if employee.calendar_id == calendar.id and employee.works_in(start, end)
    ]
    clinic.put_run(run, entries)
    clinic.calendars[calendar.id] = moved(calendar, end + timedelta(1), now)
    return run


def open_extra_run(
    clinic: Clinic,
    calendar: Calendar,
    paid: Sequence[tuple[Employee, tuple[Adjustment, ...]]],
    now: datetime,
    kind: str = "unscheduled",
) -> PayRun:
    """A draft run beside the schedule, for the calendar's last period and some employees only."""
    end = calendar.start_date - timedelta(1)
    starts = [run.period_start for run in clinic.runs.values() if run.calendar_id == calendar.id]
    run = _draft(clinic, calendar, kind, (max(starts, default=end), end), now)
    entries = [
        Entry(payslip_id=clinic.new_id("payslip"), employee=employee, adjustments=adjustments, updated_at=now)
        for employee, adjustments in paid
    ]
    clinic.put_run(run, entries)
    return run


def post_run(clinic: Clinic, run: PayRun, now: datetime) -> None:
    """Post a draft: its timesheets and leave become processed."""
    run.status, run.posted_at = "posted", now
    _stamp(clinic, run, now)
    _settle(clinic, run, now, timesheet="processed", leave="processed")


def revert_run(clinic: Clinic, run: PayRun, now: datetime) -> None:
    """Make a posted run a draft again: its timesheets and leave are open again."""
    run.status, run.posted_at = "draft", None
    _stamp(clinic, run, now)
    _settle(clinic, run, now, timesheet="approved", leave="scheduled")


def delete_run(clinic: Clinic, run: PayRun, now: datetime) -> None:
    """Delete a draft; a scheduled one gives its period back to the calendar."""
    clinic.drop_payslips(run)
    del clinic.runs[run.id]
    if run.type == "scheduled":
        calendar = clinic.calendars[run.calendar_id]
        clinic.calendars[calendar.id] = moved(calendar, run.period_start, now)


def moved(calendar: Calendar, start: date, now: datetime) -> Calendar:
    """The calendar with its next period starting on `start`."""
    end = period_end(calendar.frequency, start)
    return replace(calendar, start_date=start, end_date=end, payment_date=end + PAY_AFTER, updated_at=now)


def _draft(clinic: Clinic, calendar: Calendar, kind: str, period: tuple[date, date], now: datetime) -> PayRun:
    return PayRun(
        id=clinic.new_id("run"),
        calendar_id=calendar.id,
        frequency=calendar.frequency,
        type=kind,
        status="draft",
        period_start=period[0],
        period_end=period[1],
        payment_date=period[1] + PAY_AFTER,
        message=None,
        posted_at=None,
        updated_at=now,
    )


def _payable(timesheet: Timesheet | None) -> Timesheet | None:
    return timesheet if timesheet and timesheet.status in {"approved", "processed"} else None


def _leave_in(clinic: Clinic, start: date, end: date) -> dict[str, list[Leave]]:
    found: dict[str, list[Leave]] = {}
    for leave in clinic.leave.values():
        if any(p.status == "scheduled" and start <= p.start_date <= end for p in leave.periods):
            found.setdefault(leave.employee_id, []).append(leave)
    return found


def _stamp(clinic: Clinic, run: PayRun, now: datetime) -> None:
    run.updated_at = now
    clinic.put_run(run, [replace(entry, updated_at=now) for entry in run.entries.values()])


def _settle(clinic: Clinic, run: PayRun, now: datetime, *, timesheet: str, leave: str) -> None:
    for entry in run.entries.values():
        if entry.timesheet and (sheet := clinic.timesheets.get(entry.timesheet.id)):
            clinic.put_timesheet(replace(sheet, status=timesheet, updated_at=now))
        for taken in entry.leave:
            if taken.id in clinic.leave:
                now_leave = clinic.leave[taken.id]
                periods = tuple(
                    replace(p, status=leave) if run.period_start <= p.start_date <= run.period_end else p
                    for p in now_leave.periods
                )
                clinic.leave[taken.id] = replace(now_leave, periods=periods, updated_at=now)
