"""
One model of payroll for Australia, New Zealand and the United Kingdom.

The fields here are all that is ever kept: tax file, IRD and national insurance numbers, bank accounts,
births, home addresses and phones have no place to go. Amounts are in the organisation's currency; words
that Xero may extend (statuses, types) stay text.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Organisation settings."""

    id: TenantId
    name: str
    legal_name: str | None
    region: Region | None
    version: str | None
    country_code: str | None
    currency: str | None
    timezone: str | None
    status: str | None
    organisation_type: str | None
    plan: str | None
    is_demo: bool | None
    financial_year_end_day: int | None
    financial_year_end_month: int | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUser:
    """A person with access to the organisation in Xero."""

    id: SourceId
    email: str | None
    first_name: str | None
    last_name: str | None
    role: str | None
    is_subscriber: bool | None
    source_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayrollSettings:
    """Payroll settings that are not lists of their own; None where an answer does not speak of it."""

    days_in_payroll_year: int | None
    accounts: tuple[dict[str, Any], ...] | None
    tracking_categories: tuple[dict[str, Any], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayCalendar:
    """How often a group of employees is paid; the dates are those of the next period."""

    id: SourceId
    name: str | None
    calendar_type: str | None
    period_start: date | None
    period_end: date | None
    payment_date: date | None
    source_updated_at: datetime | None


class PayItemKind(StrEnum):
    """Which of Xero's lists a pay item comes from."""

    EARNINGS = "earnings"
    DEDUCTION = "deduction"
    LEAVE = "leave"
    REIMBURSEMENT = "reimbursement"
    BENEFIT = "benefit"
    SUPERANNUATION = "superannuation"
    STATUTORY_DEDUCTION = "statutory_deduction"
    EARNINGS_ORDER = "earnings_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayItem:
    """A thing that a pay line can be for."""

    id: SourceId
    kind: PayItemKind
    name: str | None
    category: str | None
    rate_type: str | None
    type_of_units: str | None
    rate_per_unit: Decimal | None
    multiplier: Decimal | None
    account_code: str | None
    is_current: bool
    source_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeSummary:
    """An employee as a list shows them; unless it is `is_whole`, None means that the list does not say."""

    id: SourceId
    first_name: str | None
    last_name: str | None
    email: str | None
    status: str
    start_date: date | None
    end_date: date | None
    end_reason: str | None
    job_title: str | None
    employment_basis: str | None
    calendar_id: SourceId | None
    ordinary_rate_id: SourceId | None
    source_updated_at: datetime | None
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveBalance:
    """What an employee has left of one type of leave."""

    leave_type_id: SourceId
    name: str | None
    units: Decimal | None
    type_of_units: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeDetail:
    """
    An employee in full, as far as analytics may know them.

    Without a summary where the list says it all; `leave` is None where leave has a list of its own.
    """

    id: SourceId
    summary: EmployeeSummary | None
    classification: str | None
    employee_group: str | None
    pay_basis: str | None
    annual_salary: Decimal | None
    hours_per_week: Decimal | None
    rate_per_unit: Decimal | None
    leave_balances: tuple[LeaveBalance, ...] = ()
    leave: "tuple[LeaveApplication, ...] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a payslip or a whole pay run comes to; None where the region or the list does not say."""

    earnings: Decimal | None = None
    deductions: Decimal | None = None
    tax: Decimal | None = None
    statutory_deductions: Decimal | None = None
    employer_pension: Decimal | None = None
    employer_tax: Decimal | None = None
    reimbursements: Decimal | None = None
    net_pay: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRunSummary:
    """A pay run as a list shows it."""

    id: SourceId
    calendar_id: SourceId | None
    run_type: str | None
    status: str
    period_start: date
    period_end: date
    payment_date: date
    totals: Totals
    total_cost: Decimal | None
    source_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayslipSummary:
    """One employee's part of a pay run, without its lines."""

    id: SourceId
    pay_run_id: SourceId
    employee_id: SourceId
    first_name: str | None
    last_name: str | None
    employee_group: str | None
    totals: Totals
    source_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRunDetail:
    """A pay run with every payslip's totals; without a summary where the answer holds payslips only."""

    id: SourceId
    summary: PayRunSummary | None
    payslips: tuple[PayslipSummary, ...]


class LineKind(StrEnum):
    """Which of a payslip's lists a line comes from."""

    EARNINGS = "earnings"
    LEAVE_EARNINGS = "leave_earnings"
    TIMESHEET_EARNINGS = "timesheet_earnings"
    LEAVE_ACCRUAL = "leave_accrual"
    DEDUCTION = "deduction"
    REIMBURSEMENT = "reimbursement"
    EMPLOYER_PENSION = "employer_pension"
    EMPLOYEE_PENSION = "employee_pension"
    BENEFIT = "benefit"
    EMPLOYEE_TAX = "employee_tax"
    EMPLOYER_TAX = "employer_tax"
    STATUTORY_DEDUCTION = "statutory_deduction"
    COURT_ORDER = "court_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayLine:
    """One line of a payslip; `amount` is as Xero says it, or units times rate where it does not."""

    kind: LineKind
    position: int
    item_id: SourceId | None
    name: str | None
    line_type: str | None
    units: Decimal | None
    rate: Decimal | None
    percentage: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayslipLines:
    """The lines of one payslip; all of them, or none."""

    payslip_id: SourceId
    lines: tuple[PayLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesheetEntry:
    """Hours (or other units) of one day at one earnings rate."""

    position: int
    day: date
    earnings_rate_id: SourceId | None
    tracking_item_id: SourceId | None
    units: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesheetSummary:
    """A timesheet's header."""

    id: SourceId
    employee_id: SourceId
    calendar_id: SourceId | None
    status: str | None
    period_start: date
    period_end: date
    total_units: Decimal | None
    source_updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesheetDetail:
    """A timesheet with its days."""

    summary: TimesheetSummary
    entries: tuple[TimesheetEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavePeriod:
    """
    The part of a leave application that falls into one pay period.

    New Zealand tells what is taken of the leave beside the `units` that are paid, and what each counts.
    """

    position: int
    period_start: date | None
    period_end: date | None
    units: Decimal | None
    status: str | None
    type_of_units: str | None = None
    units_taken: Decimal | None = None
    type_of_units_taken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveApplication:
    """Leave taken or planned. Its title and description stay in Xero: they say why people are ill."""

    id: SourceId
    employee_id: SourceId
    leave_type_id: SourceId | None
    start_date: date
    end_date: date
    periods: tuple[LeavePeriod, ...]
    source_updated_at: datetime | None


Record = (
    Organisation
    | AccountUser
    | PayrollSettings
    | PayCalendar
    | PayItem
    | EmployeeSummary
    | EmployeeDetail
    | PayRunSummary
    | PayRunDetail
    | PayslipSummary
    | PayslipLines
    | TimesheetSummary
    | TimesheetDetail
    | LeaveApplication
)
"""Everything that a payroll source can answer with."""
