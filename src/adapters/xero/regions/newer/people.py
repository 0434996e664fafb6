"""Employees, leave and timesheets of New Zealand and the United Kingdom, in the one model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.xero import values
from adapters.xero.regions.newer import structs
from domain.model.ids import SourceId
from domain.model.payroll import (
    EmployeeDetail,
    EmployeeSummary,
    LeaveApplication,
    LeaveBalance,
    LeavePeriod,
    TimesheetDetail,
    TimesheetEntry,
    TimesheetSummary,
)


def employee(found: structs.Employee) -> Iterator[EmployeeSummary]:
    """An employee, who is active for all that the answer says: see `leavers`."""
    yield EmployeeSummary(
        id=SourceId(found.employeeID),
        first_name=values.text(found.firstName),
        last_name=values.text(found.lastName),
        email=values.text(found.email),
        status="active",
        start_date=values.day(found.startDate),
        end_date=values.day(found.endDate),
        end_reason=None,
        job_title=values.text(found.jobTitle),
        employment_basis=values.word(found.engagementType or _contract(found.contracts or ())),
        calendar_id=values.identifier(found.payrollCalendarID),
        ordinary_rate_id=None,
        source_updated_at=values.instant(found.updatedDateUTC),
        is_whole=True,
    )


def leavers(zone: ZoneInfo) -> Callable[[EmployeeSummary, datetime], EmployeeSummary]:
    """Tell by the country's day who has left: neither country has a status."""

    def as_of(one: EmployeeSummary, at: datetime) -> EmployeeSummary:
        has_left = one.end_date is not None and one.end_date < at.astimezone(zone).date()
        return replace(one, status="terminated") if has_left else one

    return as_of


def _contract(contracts: Sequence[structs.Contract]) -> str | None:
    """The type of the newest contract."""
    newest = max(contracts, key=lambda one: one.startDate or "", default=None)
    return newest.contractType if newest else None


def employee_detail(
    employee_id: SourceId,
    salaries: Sequence[structs.SalaryAndWage],
    leave: Sequence[structs.Leave],
    balances: Sequence[structs.LeaveBalance],
) -> EmployeeDetail:
    """What an employee is paid, what leave they have taken, and what is left of it."""
    pay = _present(salaries)
    is_salary = values.word(pay.paymentType) == "salary"
    return EmployeeDetail(
        id=employee_id,
        summary=None,
        classification=None,
        employee_group=None,
        pay_basis=values.word(pay.paymentType),
        annual_salary=values.amount(pay.annualSalary) if is_salary else None,
        hours_per_week=values.amount(pay.numberOfUnitsPerWeek),
        rate_per_unit=values.amount(pay.ratePerUnit),
        leave_balances=tuple(_balance(one) for one in balances),
        leave=tuple(_leave(employee_id, one) for one in leave),
    )


def _present(salaries: Sequence[structs.SalaryAndWage]) -> structs.SalaryAndWage:
    """The salary that holds now: the newest active one."""
    active = [one for one in salaries if values.word(one.status) in (None, "active")]
    newest = sorted(active, key=lambda one: one.effectiveFrom or "")
    return newest[-1] if newest else structs.SalaryAndWage()


def _balance(found: structs.LeaveBalance) -> LeaveBalance:
    return LeaveBalance(
        leave_type_id=SourceId(found.leaveTypeID),
        name=values.text(found.name),
        units=values.amount(found.balance),
        type_of_units=values.word(found.typeOfUnits),
    )


def _leave(employee_id: SourceId, found: structs.Leave) -> LeaveApplication:
    return LeaveApplication(
        id=SourceId(found.leaveID),
        employee_id=employee_id,
        leave_type_id=values.identifier(found.leaveTypeID),
        start_date=values.required_day(found.startDate),
        end_date=values.required_day(found.endDate),
        periods=tuple(
            LeavePeriod(
                position=position,
                period_start=values.day(period.periodStartDate),
                period_end=values.day(period.periodEndDate),
                units=values.amount(period.numberOfUnits),
                status=values.word(period.periodStatus),
                type_of_units=values.word(period.typeOfUnits),
                units_taken=values.amount(period.numberOfUnitsTaken),
                type_of_units_taken=values.word(period.typeOfUnitsTaken),
            )
            for position, period in enumerate(found.periods or ())
        ),
        source_updated_at=values.instant(found.updatedDateUTC),
    )


def timesheet_listed(found: structs.Timesheet) -> Iterator[TimesheetSummary]:
    """A timesheet as a list shows it: without lines."""
    yield TimesheetSummary(
        id=SourceId(found.timesheetID),
        employee_id=SourceId(found.employeeID),
        calendar_id=values.identifier(found.payrollCalendarID),
        status=values.word(found.status),
        period_start=values.required_day(found.startDate),
        period_end=values.required_day(found.endDate),
        total_units=values.amount(found.totalHours),
        source_updated_at=values.instant(found.updatedDateUTC),
    )


def timesheet(found: structs.Timesheet) -> Iterator[TimesheetDetail]:
    """A timesheet with its days."""
    entries = tuple(
        TimesheetEntry(
            position=position,
            day=_day(line.date),
            earnings_rate_id=values.identifier(line.earningsRateID),
            tracking_item_id=values.identifier(line.trackingItemID),
            units=values.amount(line.numberOfUnits) or Decimal(),
        )
        for position, line in enumerate(found.timesheetLines or ())
    )
    yield TimesheetDetail(summary=next(timesheet_listed(found)), entries=entries)


def _day(text: str | None) -> date:
    return values.required_day(text)
