"""What New Zealand's and the United Kingdom's payroll (payroll.xro/2.0) have in common."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.xero.readings import Joined, Part, Reading
from adapters.xero.regions.newer import pay, people, settings, structs
from domain.model.ids import SourceId
from domain.model.payroll import PayItemKind, PayRunDetail, PayslipSummary, Record
from domain.model.streams import Resource

API = "payroll"

TIMESHEETS_BACK = timedelta(days=60)
"""
How far back a look at changes lists timesheets: these countries cannot be asked for what changed
(no `If-Modified-Since`), only from a date on. Older edits are found by the nightly comparison.
"""


def listed(method: str, array: str, struct: type[Any], translate: Any, id_field: str) -> Reading:
    """A list of many pages."""
    part = Part((array,), struct, translate, id_field)
    return Reading(api=API, method=method, is_paged=True, parts=(part,))


def items(method: str, array: str, kind: PayItemKind) -> Reading:
    """A list of pay items that have no more than a name and a category."""
    return listed(method, array, structs.Item, settings.item(kind), "id")


def as_it_is(found: Any) -> Iterator[Any]:
    """A piece of a joined record."""
    yield found


def _piece(method: str, array: str, struct: type[Any], id_argument: str, *, paged: bool) -> Reading:
    part = Part((array,), struct, as_it_is, "none")
    return Reading(api=API, method=method, id_argument=id_argument, is_paged=paged, parts=(part,))


def _employee(employee_id: SourceId, pieces: Sequence[Sequence[Any]]) -> Iterable[Record]:
    yield people.employee_detail(employee_id, *pieces)


def _pay_run(pay_run_id: SourceId, pieces: Sequence[Sequence[Any]]) -> Iterable[Record]:
    """All payslips of a pay run, and the lines of each."""
    records = [record for found in pieces[0] for record in pay.payslip(found)]
    payslips = tuple(one for one in records if isinstance(one, PayslipSummary))
    yield PayRunDetail(id=pay_run_id, summary=None, payslips=payslips)
    yield from (one for one in records if not isinstance(one, PayslipSummary))


def _from_day(since: datetime) -> str:
    return (since - TIMESHEETS_BACK).date().isoformat()


def readings(zone: ZoneInfo) -> dict[Resource, Reading | Joined]:
    """Every resource that both have; `zone` is the country's time."""
    staff = listed("get_employees", "employees", structs.Employee, people.employee, "employeeID")
    timesheet = Part(("timesheet",), structs.Timesheet, people.timesheet, "timesheetID")
    sheets = listed(
        "get_timesheets",
        "timesheets",
        structs.Timesheet,
        people.timesheet_listed,
        "timesheetID",
    )
    return {
        Resource.PAYROLL_SETTINGS: Reading(
            api=API,
            method="get_settings",
            parts=(Part(("settings",), structs.Settings, settings.settings, "none"),),
        ),
        Resource.TRACKING: Reading(
            api=API,
            method="get_tracking_categories",
            parts=(Part(("trackingCategories",), structs.Tracking, settings.tracking, "none"),),
        ),
        Resource.EARNINGS_RATES: listed(
            "get_earnings_rates",
            "earningsRates",
            structs.EarningsRate,
            settings.earnings_rate,
            "earningsRateID",
        ),
        Resource.DEDUCTIONS: listed(
            "get_deductions", "deductions", structs.Deduction, settings.deduction, "deductionId"
        ),
        Resource.LEAVE_TYPES: listed(
            "get_leave_types", "leaveTypes", structs.LeaveType, settings.leave_type, "leaveTypeID"
        ),
        Resource.REIMBURSEMENTS: listed(
            "get_reimbursements",
            "reimbursements",
            structs.Reimbursement,
            settings.reimbursement,
            "reimbursementID",
        ),
        Resource.PAY_CALENDARS: listed(
            "get_pay_run_calendars",
            "payRunCalendars",
            structs.Calendar,
            settings.calendar,
            "payrollCalendarID",
        ),
        Resource.EMPLOYEES: replace(staff, as_of=people.leavers(zone)),
        Resource.EMPLOYEE: Joined(
            readings=(
                _piece(
                    "get_employee_salary_and_wages",
                    "salaryAndWages",
                    structs.SalaryAndWage,
                    "employee_id",
                    paged=True,
                ),
                _piece("get_employee_leaves", "leave", structs.Leave, "employee_id", paged=False),
                _piece(
                    "get_employee_leave_balances",
                    "leaveBalances",
                    structs.LeaveBalance,
                    "employee_id",
                    paged=False,
                ),
            ),
            join=_employee,
        ),
        Resource.PAY_RUNS: listed("get_pay_runs", "payRuns", structs.PayRun, pay.pay_run, "payRunID"),
        Resource.PAY_RUN: Joined(
            readings=(_piece("get_pay_slips", "paySlips", structs.Payslip, "pay_run_id", paged=True),),
            join=_pay_run,
            confirm=_piece("get_pay_run", "payRun", structs.PayRun, "pay_run_id", paged=False),
        ),
        Resource.TIMESHEETS: Reading(
            api=API,
            method=sheets.method,
            is_paged=True,
            since_argument="start_date",
            since=_from_day,
            parts=sheets.parts,
        ),
        Resource.TIMESHEET: Reading(
            api=API, method="get_timesheet", id_argument="timesheet_id", parts=(timesheet,)
        ),
    }
