"""
What is read of Australian payroll: these fields, and no others.

Names are Xero's own (Xero-OpenAPI, xero-payroll-au.yaml). Tax file numbers, bank accounts, births, addresses,
phones, free texts and super membership numbers are left out on purpose.
"""

from decimal import Decimal

from msgspec import Struct


class EmployeeListed(Struct):
    """An employee in a list, and the same fields of one in full."""

    EmployeeID: str
    Status: str
    FirstName: str | None = None
    LastName: str | None = None
    Email: str | None = None
    StartDate: str | None = None
    TerminationDate: str | None = None
    TerminationReason: str | None = None
    PayrollCalendarID: str | None = None
    OrdinaryEarningsRateID: str | None = None
    UpdatedDateUTC: str | None = None


class Declaration(Struct):
    """Of the tax declaration, only how somebody is employed."""

    EmploymentBasis: str | None = None


class TemplateEarnings(Struct):
    """A line of the pay template."""

    EarningsRateID: str | None = None
    CalculationType: str | None = None
    AnnualSalary: Decimal | None = None
    NumberOfUnitsPerWeek: Decimal | None = None
    RatePerUnit: Decimal | None = None


class Template(Struct):
    """What somebody is paid as a rule."""

    EarningsLines: list[TemplateEarnings] | None = None


class LeaveBalance(Struct):
    """What is left of one type of leave."""

    LeaveTypeID: str
    LeaveName: str | None = None
    NumberOfUnits: Decimal | None = None
    TypeOfUnits: str | None = None


class Employee(EmployeeListed):
    """An employee in full."""

    JobTitle: str | None = None
    Classification: str | None = None
    EmployeeGroupName: str | None = None
    TaxDeclaration: Declaration | None = None
    PayTemplate: Template | None = None
    LeaveBalances: list[LeaveBalance] | None = None


class PayslipSummary(Struct):
    """A payslip's totals, as its pay run shows them."""

    PayslipID: str
    EmployeeID: str
    FirstName: str | None = None
    LastName: str | None = None
    EmployeeGroup: str | None = None
    Wages: Decimal | None = None
    Deductions: Decimal | None = None
    Tax: Decimal | None = None
    Super: Decimal | None = None
    Reimbursements: Decimal | None = None
    NetPay: Decimal | None = None
    UpdatedDateUTC: str | None = None


class PayRun(Struct):
    """A pay run; a list shows no payslips."""

    PayRunID: str
    PayRunStatus: str
    PayrollCalendarID: str | None = None
    PayRunPeriodStartDate: str | None = None
    PayRunPeriodEndDate: str | None = None
    PaymentDate: str | None = None
    Wages: Decimal | None = None
    Deductions: Decimal | None = None
    Tax: Decimal | None = None
    Super: Decimal | None = None
    Reimbursement: Decimal | None = None
    NetPay: Decimal | None = None
    UpdatedDateUTC: str | None = None
    Payslips: list[PayslipSummary] | None = None


class EarningsLine(Struct):
    """Ordinary, leave and timesheet earnings."""

    EarningsRateID: str | None = None
    RatePerUnit: Decimal | None = None
    NumberOfUnits: Decimal | None = None
    FixedAmount: Decimal | None = None
    Amount: Decimal | None = None


class DeductionLine(Struct):
    """A deduction."""

    DeductionTypeID: str | None = None
    CalculationType: str | None = None
    Amount: Decimal | None = None
    Percentage: Decimal | None = None
    NumberOfUnits: Decimal | None = None


class LeaveAccrualLine(Struct):
    """Leave that was earned."""

    LeaveTypeID: str | None = None
    NumberOfUnits: Decimal | None = None


class ReimbursementLine(Struct):
    """A reimbursement."""

    ReimbursementTypeID: str | None = None
    Amount: Decimal | None = None


class SuperannuationLine(Struct):
    """Superannuation, by whoever pays it."""

    ContributionType: str | None = None
    CalculationType: str | None = None
    Percentage: Decimal | None = None
    Amount: Decimal | None = None


class TaxLine(Struct):
    """Tax withheld."""

    TaxTypeName: str | None = None
    ManualTaxType: str | None = None
    Amount: Decimal | None = None


class Payslip(Struct):
    """A payslip's lines."""

    PayslipID: str
    EarningsLines: list[EarningsLine] | None = None
    LeaveEarningsLines: list[EarningsLine] | None = None
    TimesheetEarningsLines: list[EarningsLine] | None = None
    DeductionLines: list[DeductionLine] | None = None
    LeaveAccrualLines: list[LeaveAccrualLine] | None = None
    ReimbursementLines: list[ReimbursementLine] | None = None
    SuperannuationLines: list[SuperannuationLine] | None = None
    TaxLines: list[TaxLine] | None = None


class Account(Struct):
    """A ledger account that payroll posts to."""

    AccountID: str | None = None
    Type: str | None = None
    Code: str | int | None = None
    Name: str | None = None


class TrackingCategory(Struct):
    """A tracking category that payroll uses."""

    TrackingCategoryID: str | None = None
    TrackingCategoryName: str | None = None


class Settings(Struct):
    """Payroll settings; `DaysInPayrollYear` comes as text or number."""

    Accounts: list[Account] | None = None
    TrackingCategories: dict[str, TrackingCategory | None] | None = None
    DaysInPayrollYear: int | None = None


class Calendar(Struct):
    """A payroll calendar; its dates are those of the next period."""

    PayrollCalendarID: str
    Name: str | None = None
    CalendarType: str | None = None
    StartDate: str | None = None
    PaymentDate: str | None = None
    UpdatedDateUTC: str | None = None


class EarningsRate(Struct):
    """A pay item for earnings."""

    EarningsRateID: str
    Name: str | None = None
    AccountCode: str | int | None = None
    EarningsType: str | None = None
    RateType: str | None = None
    TypeOfUnits: str | None = None
    RatePerUnit: Decimal | None = None
    Amount: Decimal | None = None
    Multiplier: Decimal | None = None
    CurrentRecord: bool | None = None
    UpdatedDateUTC: str | None = None


class DeductionType(Struct):
    """A pay item for deductions."""

    DeductionTypeID: str
    Name: str | None = None
    AccountCode: str | int | None = None
    DeductionCategory: str | None = None
    CurrentRecord: bool | None = None
    UpdatedDateUTC: str | None = None


class LeaveType(Struct):
    """A pay item for leave."""

    LeaveTypeID: str
    Name: str | None = None
    TypeOfUnits: str | None = None
    LeaveCategoryCode: str | None = None
    IsPaidLeave: bool | None = None
    CurrentRecord: bool | None = None
    UpdatedDateUTC: str | None = None


class ReimbursementType(Struct):
    """A pay item for reimbursements."""

    ReimbursementTypeID: str
    Name: str | None = None
    AccountCode: str | int | None = None
    CurrentRecord: bool | None = None
    UpdatedDateUTC: str | None = None


class TimesheetLine(Struct):
    """Units of one rate, one for each day from the timesheet's start."""

    EarningsRateID: str | None = None
    TrackingItemID: str | None = None
    NumberOfUnits: list[Decimal | None] | None = None


class Timesheet(Struct):
    """A timesheet with its days."""

    TimesheetID: str
    EmployeeID: str
    StartDate: str | None = None
    EndDate: str | None = None
    Status: str | None = None
    Hours: Decimal | None = None
    TimesheetLines: list[TimesheetLine] | None = None
    UpdatedDateUTC: str | None = None


class LeavePeriod(Struct):
    """The part of a leave that falls into one pay period."""

    PayPeriodStartDate: str | None = None
    PayPeriodEndDate: str | None = None
    NumberOfUnits: Decimal | None = None
    LeavePeriodStatus: str | None = None


class LeaveApplication(Struct):
    """Leave; its title and description are left out."""

    LeaveApplicationID: str
    EmployeeID: str
    LeaveTypeID: str | None = None
    StartDate: str | None = None
    EndDate: str | None = None
    LeavePeriods: list[LeavePeriod] | None = None
    UpdatedDateUTC: str | None = None
