"""Pay runs, payslips and their lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import reduce

from simulator.payroll.model import ZERO, Employee, Leave, Timesheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    One line of a payslip.

    `section` is earnings, leave, timesheet, deduction, reimbursement, accrual, pension, employee_tax,
    employer_tax or statutory; `kind` refines it (overtime, employer, salary_sacrifice, kiwisaver …).
    Accruals have units and no amount.
    """

    section: str
    kind: str
    item_id: str | None
    name: str
    amount: Decimal | None = None
    units: Decimal | None = None
    rate: Decimal | None = None
    percentage: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A payslip's or a pay run's sums. `net` leaves reimbursements out."""

    earnings: Decimal = ZERO
    deductions: Decimal = ZERO
    employee_tax: Decimal = ZERO
    employer_tax: Decimal = ZERO
    statutory: Decimal = ZERO
    pension: Decimal = ZERO
    employee_pension: Decimal = ZERO
    reimbursements: Decimal = ZERO
    net: Decimal = ZERO

    def __add__(self, other: "Totals") -> "Totals":
        """The sum, field by field."""
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    @classmethod
    def of(cls, payslips: "Iterable[Payslip]") -> "Totals":
        """The sum over payslips."""
        return reduce(Totals.__add__, (payslip.totals for payslip in payslips), cls())


@dataclass(frozen=True, slots=True, kw_only=True)
class Payslip:
    """One employee's pay in one run, calculated."""

    id: str
    pay_run_id: str
    employee_id: str
    first_name: str
    last_name: str
    group: str | None
    updated_at: datetime
    totals: Totals
    lines: tuple[Line, ...]

    def section(self, *names: str) -> list[Line]:
        """The lines of some sections, in order."""
        return [line for line in self.lines if line.section in names]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change made by hand to one payslip: bonus, correction, reimbursement or deduction."""

    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Everything one payslip is calculated from, as it was when the run was last calculated."""

    payslip_id: str
    employee: Employee
    timesheet: Timesheet | None = None
    leave: tuple[Leave, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class PayRun:
    """A pay run; its payslips are calculated from its entries when somebody looks."""

    id: str
    calendar_id: str
    frequency: str
    type: str  # scheduled, unscheduled, earlier_year_update
    status: str  # draft, posted
    period_start: date
    period_end: date
    payment_date: date
    message: str | None
    posted_at: datetime | None
    updated_at: datetime
    entries: dict[str, Entry] = field(default_factory=dict)  # by payslip id
    totals: Totals | None = None  # remembered until an entry changes
