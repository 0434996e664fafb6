"""
What a payroll is made of, in neutral terms: every region's wire form is a rendering of these values.

Pay runs and payslips are in `pay.py`. Money is Decimal in the organisation's currency, units are hours
unless an item says otherwise, dates are calendar dates, instants are aware UTC datetimes cut to the
second as Xero's are.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation as the accounting API knows it."""

    id: str
    name: str
    legal_name: str
    region: str  # AU, NZ, UK or US: only the first three have payroll
    country_code: str
    currency: str
    timezone: str  # Xero's name for it, a Windows one in capitals
    entity_type: str
    plan: str
    short_code: str
    financial_year_end_day: int
    financial_year_end_month: int
    is_demo: bool
    status: str
    created_at: datetime
    payroll: str  # active, not_set_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A Xero user's place in one organisation; `role` is an OrganisationRole."""

    user_id: str
    email: str
    first_name: str
    last_name: str
    role: str
    is_subscriber: bool
    payroll_admin: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A ledger account that payroll posts to."""

    id: str
    type: str
    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingOption:
    """One value of a tracking category."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingCategory:
    """A tracking category and its options."""

    id: str
    name: str
    options: tuple[TrackingOption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayrollSettings:
    """Payroll's own settings in one organisation."""

    accounts: tuple[Account, ...]
    employee_groups: TrackingCategory
    timesheet_categories: TrackingCategory
    days_in_payroll_year: int
    employees_are_stp2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A pay calendar; `start_date` and `payment_date` are those of the next period."""

    id: str
    name: str
    frequency: str
    start_date: date
    end_date: date
    payment_date: date
    reference_date: date
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PayItem:
    """
    An earnings rate, deduction, reimbursement, leave type, benefit or statutory deduction.

    `kind` says which, `category` is the region's own word for its sort.
    """

    id: str
    slug: str
    kind: str
    name: str
    category: str
    rate_type: str | None
    rate: Decimal | None  # per unit, a multiple, or an amount, as `rate_type` says
    units: str | None
    account_code: str
    is_paid: bool
    current: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """An employee without what must stay private (see `Private`)."""

    id: str
    number: int
    title: str | None
    first_name: str
    middle_names: str | None
    last_name: str
    gender: str | None
    email: str | None
    job_title: str
    classification: str | None
    basis: str  # full_time, part_time, casual
    pay_basis: str  # salary, hourly
    annual_salary: Decimal | None
    hourly_rate: Decimal
    hours_per_week: Decimal
    calendar_id: str
    ordinary_rate_id: str
    group: str | None
    start_date: date
    end_date: date | None
    end_reason: str | None
    keeps_timesheets: bool
    student_loan: bool
    extras: tuple[str, ...]  # slugs of what this person has besides wages, such as salary_sacrifice
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> str:
        """Active or terminated."""
        return "terminated" if self.end_date else "active"

    def works_in(self, start: date, end: date) -> bool:
        """Whether any day of employment falls between the two dates."""
        return self.start_date <= end and (self.end_date is None or self.end_date >= start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A home address."""

    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where an employee is paid: branch is a BSB, a sort code, or nothing in NZ."""

    name: str
    branch: str | None
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """What an analytics copy must never hold: tests search for these values."""

    employee_id: str
    tax_number: str  # TFN, IRD or NI number
    date_of_birth: date
    address: Address
    phone: str
    mobile: str
    bank_accounts: tuple[BankAccount, ...]
    pension_member_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesheetLine:
    """Hours by day from the timesheet's first day, for one earnings rate and tracking option."""

    earnings_rate_id: str
    tracking_item_id: str | None
    hours: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timesheet:
    """One employee's timesheet for one pay period."""

    id: str
    employee_id: str
    calendar_id: str
    start_date: date
    end_date: date
    status: str  # draft, requested, approved, processed, rejected
    lines: tuple[TimesheetLine, ...]
    updated_at: datetime

    @property
    def total_hours(self) -> Decimal:
        """All hours of all lines."""
        return sum((h for line in self.lines for h in line.hours), Decimal("0.00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavePeriod:
    """The part of a leave application that falls in one pay period."""

    start_date: date
    end_date: date
    units: Decimal
    status: str  # requested, scheduled, processed, rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """A leave application."""

    id: str
    employee_id: str
    leave_type_id: str
    title: str
    description: str | None
    start_date: date
    end_date: date
    cashed_out: bool
    periods: tuple[LeavePeriod, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveBalance:
    """What an employee has left of one leave type."""

    employee_id: str
    leave_type_id: str
    name: str
    units: Decimal
    type_of_units: str
