"""Employees, leave and timesheets of Australia, in the one model."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from adapters.xero import values
from adapters.xero.regions.au import structs
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


def employee_listed(found: structs.EmployeeListed) -> Iterator[EmployeeSummary]:
    """An employee as a list shows them."""
    yield _summary(found)


def _summary(
    found: structs.EmployeeListed,
    *,
    job_title: str | None = None,
    basis: str | None = None,
    is_whole: bool = False,
) -> EmployeeSummary:
    return EmployeeSummary(
        id=SourceId(found.EmployeeID),
        first_name=values.text(found.FirstName),
        last_name=values.text(found.LastName),
        email=values.text(found.Email),
        status=values.required_word(found.Status),
        start_date=values.day(found.StartDate),
        end_date=values.day(found.TerminationDate),
        end_reason=values.text(found.TerminationReason),
        job_title=values.text(job_title),
        employment_basis=values.word(basis),
        calendar_id=values.identifier(found.PayrollCalendarID),
        ordinary_rate_id=values.identifier(found.OrdinaryEarningsRateID),
        source_updated_at=values.instant(found.UpdatedDateUTC),
        is_whole=is_whole,
    )


def employee(found: structs.Employee) -> Iterator[EmployeeDetail]:
    """An employee in full; what they are paid is their template's line at the ordinary rate."""
    line = _ordinary(found)
    basis = found.TaxDeclaration.EmploymentBasis if found.TaxDeclaration else None
    yield EmployeeDetail(
        id=SourceId(found.EmployeeID),
        summary=_summary(found, job_title=found.JobTitle, basis=basis, is_whole=True),
        classification=values.text(found.Classification),
        employee_group=values.text(found.EmployeeGroupName),
        pay_basis=values.word(line.CalculationType),
        annual_salary=values.amount(line.AnnualSalary),
        hours_per_week=values.amount(line.NumberOfUnitsPerWeek),
        rate_per_unit=values.amount(line.RatePerUnit),
        leave_balances=tuple(_balance(one) for one in found.LeaveBalances or ()),
    )


def _ordinary(found: structs.Employee) -> structs.TemplateEarnings:
    lines = (found.PayTemplate.EarningsLines if found.PayTemplate else None) or []
    mine = (one for one in lines if one.EarningsRateID == found.OrdinaryEarningsRateID)
    return next(mine, structs.TemplateEarnings())


def _balance(found: structs.LeaveBalance) -> LeaveBalance:
    return LeaveBalance(
        leave_type_id=SourceId(found.LeaveTypeID),
        name=values.text(found.LeaveName),
        units=values.amount(found.NumberOfUnits),
        type_of_units=values.word(found.TypeOfUnits),
    )


def timesheet(found: structs.Timesheet) -> Iterator[TimesheetDetail]:
    """A timesheet; its units come as one array a line, one number a day from the start."""
    summary = TimesheetSummary(
        id=SourceId(found.TimesheetID),
        employee_id=SourceId(found.EmployeeID),
        calendar_id=None,
        status=values.word(found.Status),
        period_start=values.required_day(found.StartDate),
        period_end=values.required_day(found.EndDate),
        total_units=values.amount(found.Hours),
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )
    days = [
        (line, summary.period_start + timedelta(days=offset), units)
        for line in found.TimesheetLines or ()
        for offset, units in enumerate(line.NumberOfUnits or ())
        if units
    ]
    entries = tuple(
        TimesheetEntry(
            position=position,
            day=day,
            earnings_rate_id=values.identifier(line.EarningsRateID),
            tracking_item_id=values.identifier(line.TrackingItemID),
            units=values.amount(units) or Decimal(),
        )
        for position, (line, day, units) in enumerate(days)
    )
    yield TimesheetDetail(summary=summary, entries=entries)


def leave_application(found: structs.LeaveApplication) -> Iterator[LeaveApplication]:
    """Leave, period by period."""
    yield LeaveApplication(
        id=SourceId(found.LeaveApplicationID),
        employee_id=SourceId(found.EmployeeID),
        leave_type_id=values.identifier(found.LeaveTypeID),
        start_date=values.nearest_day(found.StartDate),
        end_date=values.nearest_day(found.EndDate),
        periods=tuple(
            LeavePeriod(
                position=position,
                period_start=values.day(period.PayPeriodStartDate),
                period_end=values.day(period.PayPeriodEndDate),
                units=values.amount(period.NumberOfUnits),
                status=values.word(period.LeavePeriodStatus),
            )
            for position, period in enumerate(found.LeavePeriods or ())
        ),
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )
