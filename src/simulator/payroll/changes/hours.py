"""Changes to timesheets and leave."""

from dataclasses import replace
from datetime import timedelta

from simulator.payroll.absences import make_leave
from simulator.payroll.changes.registry import Described, Edit, change
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Employee, Leave, Timesheet
from simulator.payroll.rules import chance
from simulator.payroll.runs import moved
from simulator.payroll.timesheets import make_timesheet, worked_hours


def _open_sheets(clinic: Clinic) -> list[Timesheet]:
    """Timesheets that no run has taken up yet."""
    return [
        sheet
        for sheet in clinic.timesheets.values()
        if sheet.status != "processed" and sheet.start_date >= clinic.calendars[sheet.calendar_id].start_date
    ]


def _without_sheet(clinic: Clinic) -> list[Employee]:
    return [
        employee
        for employee in clinic.employees.values()
        if not employee.end_date
        and employee.pay_basis == "hourly"
        and not clinic.timesheet_at(employee.id, clinic.calendars[employee.calendar_id].start_date)
    ]


def _open_leave(clinic: Clinic) -> list[Leave]:
    """Leave that no posted run has taken up, in whole or part."""
    return [
        leave
        for leave in clinic.leave.values()
        if all(
            period.status != "processed"
            and period.start_date
            >= clinic.calendars[clinic.employees[leave.employee_id].calendar_id].start_date
            for period in leave.periods
        )
    ]


def _may_take_leave(clinic: Clinic) -> list[Employee]:
    return [e for e in clinic.employees.values() if not e.end_date and e.basis != "casual"]


@change(_without_sheet)
def new_timesheet(edit: Edit, employee: Employee) -> Described:
    """Somebody hands in a timesheet for the open period."""
    calendar = edit.clinic.calendars[employee.calendar_id]
    status = edit.params.get("status") or edit.rng.choice(("draft", "requested", "approved"))
    sheet = make_timesheet(edit.clinic, employee, calendar, edit.rng, status=status, now=edit.now)
    return {"timesheet_id": sheet.id, "employee_id": employee.id, "status": status}


@change(_open_sheets)
def edit_timesheet(edit: Edit, sheet: Timesheet) -> Described:
    """Other hours than before."""
    clinic, employee = edit.clinic, edit.clinic.employees[sheet.employee_id]
    period = moved(clinic.calendars[sheet.calendar_id], sheet.start_date, edit.now)
    lines = worked_hours(clinic, employee, period, edit.rng)
    clinic.put_timesheet(replace(sheet, lines=lines, updated_at=edit.now))
    return {"timesheet_id": sheet.id}


@change(lambda clinic: [s for s in _open_sheets(clinic) if s.status in {"draft", "requested"}])
def approve_timesheet(edit: Edit, sheet: Timesheet) -> Described:
    """Approve a timesheet, so that the next run takes it up."""
    edit.clinic.put_timesheet(replace(sheet, status="approved", updated_at=edit.now))
    return {"timesheet_id": sheet.id}


@change(_open_sheets)
def delete_timesheet(edit: Edit, sheet: Timesheet) -> Described:
    """Delete a timesheet; nothing tells of it afterwards."""
    edit.clinic.drop_timesheet(sheet)
    return {"timesheet_id": sheet.id}


@change(_may_take_leave)
def new_leave(edit: Edit, employee: Employee) -> Described:
    """Somebody asks for leave, or has it granted at once, in the open period or the one after."""
    calendar = edit.clinic.calendars[employee.calendar_id]
    if chance(edit.rng, 0.5):
        calendar = moved(calendar, calendar.end_date + timedelta(1), edit.now)
    status = edit.params.get("status") or edit.rng.choice(("scheduled", "requested"))
    leave = make_leave(edit.clinic, employee, calendar, edit.rng, status=status, now=edit.now)
    return {"leave_id": leave.id, "employee_id": employee.id, "status": status}


@change(_open_leave)
def edit_leave(edit: Edit, leave: Leave) -> Described:
    """More hours, or an answer to a request."""
    answer = {"requested": edit.rng.choice(("scheduled", "rejected"))}
    periods = tuple(
        replace(p, units=p.units + 1, status=answer.get(p.status, p.status)) for p in leave.periods
    )
    edit.clinic.leave[leave.id] = replace(leave, periods=periods, updated_at=edit.now)
    return {"leave_id": leave.id, "status": periods[0].status}


@change(_open_leave)
def delete_leave(edit: Edit, leave: Leave) -> Described:
    """Delete a leave application; nothing tells of it afterwards."""
    del edit.clinic.leave[leave.id]
    return {"leave_id": leave.id}
