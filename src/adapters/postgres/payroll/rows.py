"""
Domain records as rows: a field and its column bear the same name.

What is nested in a record (totals, lines, entries) is flattened or goes to a table of its own.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec

from domain.model.payroll import (
    AccountUser,
    EmployeeDetail,
    EmployeeSummary,
    LeaveApplication,
    LeaveBalance,
    LeavePeriod,
    Organisation,
    PayCalendar,
    PayItem,
    PayLine,
    PayrollSettings,
    PayRunSummary,
    PayslipSummary,
    TimesheetEntry,
    TimesheetSummary,
    Totals,
)

Row = tuple[Any, ...]


def names(record: type, *but: str) -> tuple[str, ...]:
    """The columns of a record's own fields."""
    return tuple(field.name for field in fields(record) if field.name not in but)


ORGANISATION = names(Organisation)
USER = names(AccountUser)
SETTINGS = names(PayrollSettings)
CALENDAR = names(PayCalendar)
ITEM = names(PayItem)
EMPLOYEE = names(EmployeeSummary, "is_whole")
EMPLOYEE_DETAIL = names(EmployeeDetail, "id", "summary", "leave_balances", "leave")
BALANCE = ("employee_id", *names(LeaveBalance))
TOTALS = names(Totals)
PAY_RUN_HEAD = names(PayRunSummary, "totals")
PAY_RUN = PAY_RUN_HEAD + TOTALS
PAYSLIP_HEAD = names(PayslipSummary, "totals")
PAYSLIP = (*PAYSLIP_HEAD, "payment_date", *TOTALS)
LINE = ("payslip_id", *names(PayLine))
TIMESHEET = names(TimesheetSummary)
ENTRY = ("timesheet_id", *names(TimesheetEntry))
LEAVE = names(LeaveApplication, "periods")
PERIOD = ("application_id", *names(LeavePeriod))

organisation_row = attrgetter(*ORGANISATION)
user_row = attrgetter(*USER)
calendar_row = attrgetter(*CALENDAR)
item_row = attrgetter(*ITEM)
employee_row = attrgetter(*EMPLOYEE)
timesheet_row = attrgetter(*TIMESHEET)
leave_row = attrgetter(*LEAVE)

_employee_detail = attrgetter(*EMPLOYEE_DETAIL)
_totals = attrgetter(*TOTALS)
_pay_run_head = attrgetter(*PAY_RUN_HEAD)
_payslip_head = attrgetter(*PAYSLIP_HEAD)


def settings_row(record: PayrollSettings) -> Row:
    """The lists inside payroll settings are kept as documents."""
    documents = (record.accounts, record.tracking_categories)
    encoded = (None if one is None else msgspec.json.encode(one).decode() for one in documents)
    return (record.days_in_payroll_year, *encoded)


def employee_detail_row(record: EmployeeDetail) -> Row:
    """Columns: id, EMPLOYEE_DETAIL."""
    return (record.id, *_employee_detail(record))


def pay_run_row(record: PayRunSummary) -> Row:
    """Columns: PAY_RUN."""
    return (*_pay_run_head(record), *_totals(record.totals))


def payslip_row(record: PayslipSummary, payment_date: date | None) -> Row:
    """Columns: PAYSLIP."""
    return (*_payslip_head(record), payment_date, *_totals(record.totals))


def children(parent_id: str, columns: Sequence[str], records: Sequence[object]) -> list[Row]:
    """A parent's children, whose first column is the parent's id."""
    values = attrgetter(*columns[1:])
    return [(parent_id, *values(one)) for one in records]
