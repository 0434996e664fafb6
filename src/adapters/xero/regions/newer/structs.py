"""
What is read of New Zealand's and the United Kingdom's payroll: these fields, and no others.

Names are Xero's own (Xero-OpenAPI, xero-payroll-nz.yaml and xero-payroll-uk.yaml); a field that only one of
the two has is missing in the other. IRD and national insurance numbers, bank accounts, births, addresses,
phones and free texts are left out on purpose.
"""

from decimal import Decimal

from msgspec import Struct


class Contract(Struct):
    """A UK contract, as far as it says how somebody is employed."""

    contractType: str | None = None
    startDate: str | None = None


class Employee(Struct):
    """An employee; the list shows as much as a single answer."""

    employeeID: str
    firstName: str | None = None
    lastName: str | None = None
    email: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    payrollCalendarID: str | None = None
    jobTitle: str | None = None
    engagementType: str | None = None
    contracts: list[Contract] | None = None
    updatedDateUTC: str | None = None


class SalaryAndWage(Struct):
    """What an employee earns by contract."""

    earningsRateID: str | None = None
    paymentType: str | None = None
    status: str | None = None
    effectiveFrom: str | None = None
    annualSalary: Decimal | None = None
    numberOfUnitsPerWeek: Decimal | None = None
    ratePerUnit: Decimal | None = None


class LeavePeriod(Struct):
    """The part of a leave that falls into one pay period; New Zealand says what is paid and what is taken."""

    periodStartDate: str | None = None
    periodEndDate: str | None = None
    numberOfUnits: Decimal | None = None
    typeOfUnits: str | None = None
    numberOfUnitsTaken: Decimal | None = None
    typeOfUnitsTaken: str | None = None
    periodStatus: str | None = None


class Leave(Struct):
    """An employee's leave; its description is left out."""

    leaveID: str
    leaveTypeID: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    periods: list[LeavePeriod] | None = None
    updatedDateUTC: str | None = None


class LeaveBalance(Struct):
    """What is left of one type of leave."""

    leaveTypeID: str
    name: str | None = None
    balance: Decimal | None = None
    typeOfUnits: str | None = None


class PayRun(Struct):
    """A pay run; it has no stamp of its own."""

    payRunID: str
    payRunStatus: str
    payrollCalendarID: str | None = None
    payRunType: str | None = None
    periodStartDate: str | None = None
    periodEndDate: str | None = None
    paymentDate: str | None = None
    totalCost: Decimal | None = None
    totalPay: Decimal | None = None
    postedDateTime: str | None = None


class EarningsLine(Struct):
    """Ordinary, leave and timesheet earnings."""

    earningsRateID: str | None = None
    displayName: str | None = None
    ratePerUnit: Decimal | None = None
    numberOfUnits: Decimal | None = None
    fixedAmount: Decimal | None = None
    amount: Decimal | None = None


class DeductionLine(Struct):
    """A deduction."""

    deductionTypeID: str | None = None
    displayName: str | None = None
    amount: Decimal | None = None
    percentage: Decimal | None = None


class ReimbursementLine(Struct):
    """A reimbursement."""

    reimbursementTypeID: str | None = None
    amount: Decimal | None = None
    ratePerUnit: Decimal | None = None
    numberOfUnits: Decimal | None = None


class LeaveAccrualLine(Struct):
    """Leave that was earned."""

    leaveTypeID: str | None = None
    numberOfUnits: Decimal | None = None


class SuperannuationLine(Struct):
    """New Zealand: what the employer pays into KiwiSaver and the like."""

    superannuationTypeID: str | None = None
    displayName: str | None = None
    amount: Decimal | None = None
    percentage: Decimal | None = None


class BenefitLine(Struct):
    """The United Kingdom: what the employer pays into a pension and the like."""

    benefitTypeID: str | None = None
    displayName: str | None = None
    amount: Decimal | None = None
    percentage: Decimal | None = None


class TaxLine(Struct):
    """A tax of the employee or of the employer."""

    globalTaxTypeID: str | None = None
    amount: Decimal | None = None


class StatutoryDeductionLine(Struct):
    """New Zealand: a deduction by law, such as child support."""

    statutoryDeductionTypeID: str | None = None
    amount: Decimal | None = None


class CourtOrderLine(Struct):
    """The United Kingdom: a deduction by order of a court."""

    courtOrderTypeID: str | None = None
    amount: Decimal | None = None


class Payslip(Struct):
    """A payslip with its totals and all its lines."""

    paySlipID: str
    employeeID: str
    payRunID: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    lastEdited: str | None = None
    totalEarnings: Decimal | None = None
    totalPay: Decimal | None = None
    totalEmployerTaxes: Decimal | None = None
    totalEmployeeTaxes: Decimal | None = None
    totalDeductions: Decimal | None = None
    totalReimbursements: Decimal | None = None
    totalStatutoryDeductions: Decimal | None = None
    totalCourtOrders: Decimal | None = None
    totalSuperannuation: Decimal | None = None
    totalBenefits: Decimal | None = None
    earningsLines: list[EarningsLine] | None = None
    leaveEarningsLines: list[EarningsLine] | None = None
    timesheetEarningsLines: list[EarningsLine] | None = None
    deductionLines: list[DeductionLine] | None = None
    reimbursementLines: list[ReimbursementLine] | None = None
    leaveAccrualLines: list[LeaveAccrualLine] | None = None
    superannuationLines: list[SuperannuationLine] | None = None
    benefitLines: list[BenefitLine] | None = None
    employeeTaxLines: list[TaxLine] | None = None
    employerTaxLines: list[TaxLine] | None = None
    statutoryDeductionLines: list[StatutoryDeductionLine] | None = None
    courtOrderLines: list[CourtOrderLine] | None = None


class TimesheetLine(Struct):
    """Units of one day at one rate."""

    date: str | None = None
    earningsRateID: str | None = None
    trackingItemID: str | None = None
    numberOfUnits: Decimal | None = None


class Timesheet(Struct):
    """A timesheet; a list shows no lines."""

    timesheetID: str
    employeeID: str
    payrollCalendarID: str | None = None
    startDate: str | None = None
    endDate: str | None = None
    status: str | None = None
    totalHours: Decimal | None = None
    timesheetLines: list[TimesheetLine] | None = None
    updatedDateUTC: str | None = None


class Account(Struct):
    """A ledger account that payroll posts to."""

    accountID: str | None = None
    type: str | None = None
    code: str | int | None = None
    name: str | None = None


class Settings(Struct):
    """Payroll settings: here no more than accounts."""

    accounts: list[Account] | None = None


class Tracking(Struct):
    """The two tracking categories that payroll uses."""

    employeeGroupsTrackingCategoryID: str | None = None
    timesheetTrackingCategoryID: str | None = None


class Calendar(Struct):
    """A pay run calendar; its dates are those of the next period."""

    payrollCalendarID: str
    name: str | None = None
    calendarType: str | None = None
    periodStartDate: str | None = None
    periodEndDate: str | None = None
    paymentDate: str | None = None
    updatedDateUTC: str | None = None


class EarningsRate(Struct):
    """A pay item for earnings."""

    earningsRateID: str
    name: str | None = None
    earningsType: str | None = None
    rateType: str | None = None
    typeOfUnits: str | None = None
    ratePerUnit: Decimal | None = None
    multipleOfOrdinaryEarningsRate: Decimal | None = None
    fixedAmount: Decimal | None = None
    currentRecord: bool | None = None


class Deduction(Struct):
    """A pay item for deductions."""

    deductionId: str
    deductionName: str | None = None
    deductionCategory: str | None = None
    currentRecord: bool | None = None


class LeaveType(Struct):
    """A pay item for leave."""

    leaveTypeID: str
    name: str | None = None
    typeOfUnits: str | None = None
    isActive: bool | None = None
    updatedDateUTC: str | None = None


class Reimbursement(Struct):
    """A pay item for reimbursements."""

    reimbursementID: str
    name: str | None = None
    calculationType: str | None = None
    standardRatePerUnit: Decimal | None = None
    currentRecord: bool | None = None


class Item(Struct):
    """A superannuation, a benefit, a statutory deduction or an earnings order."""

    id: str
    name: str | None = None
    category: str | None = None
    statutoryDeductionCategory: str | None = None
    currentRecord: bool | None = None
