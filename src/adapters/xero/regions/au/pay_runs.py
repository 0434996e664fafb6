"""Pay runs and payslips of Australia, in the one model."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from adapters.xero import values
from adapters.xero.regions.au import structs
from adapters.xero.regions.lines import line
from domain.model.ids import SourceId
from domain.model.payroll import (
    LineKind,
    PayLine,
    PayRunDetail,
    PayRunSummary,
    PayslipLines,
    PayslipSummary,
    Totals,
)

CENT = Decimal("0.01")


def pay_run_listed(found: structs.PayRun) -> Iterator[PayRunSummary]:
    """A pay run as a list shows it. AU does not tell scheduled runs from unscheduled ones."""
    yield PayRunSummary(
        id=SourceId(found.PayRunID),
        calendar_id=values.identifier(found.PayrollCalendarID),
        run_type=None,
        status=values.required_word(found.PayRunStatus),
        period_start=values.required_day(found.PayRunPeriodStartDate),
        period_end=values.required_day(found.PayRunPeriodEndDate),
        payment_date=values.required_day(found.PaymentDate),
        totals=_totals(found, found.Reimbursement),
        total_cost=None,
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )


def pay_run(found: structs.PayRun) -> Iterator[PayRunDetail]:
    """A pay run with every payslip's totals."""
    summary = next(pay_run_listed(found))
    payslips = tuple(_payslip(one, summary.id) for one in found.Payslips or ())
    yield PayRunDetail(id=summary.id, summary=summary, payslips=payslips)


def _payslip(found: structs.PayslipSummary, pay_run_id: SourceId) -> PayslipSummary:
    return PayslipSummary(
        id=SourceId(found.PayslipID),
        pay_run_id=pay_run_id,
        employee_id=SourceId(found.EmployeeID),
        first_name=values.text(found.FirstName),
        last_name=values.text(found.LastName),
        employee_group=values.text(found.EmployeeGroup),
        totals=_totals(found, found.Reimbursements),
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )


def _totals(found: structs.PayRun | structs.PayslipSummary, reimbursements: Decimal | None) -> Totals:
    """Xero names a pay run's reimbursements in the singular and a payslip's in the plural."""
    return Totals(
        earnings=values.amount(found.Wages),
        deductions=values.amount(found.Deductions),
        tax=values.amount(found.Tax),
        employer_pension=values.amount(found.Super),
        employer_tax=None,
        reimbursements=values.amount(reimbursements),
        net_pay=values.amount(found.NetPay),
    )


def payslip(found: structs.Payslip) -> Iterator[PayslipLines]:
    """The lines of a payslip, numbered within their kind as Xero lists them."""
    lines: list[PayLine] = []
    for kind, earnings in (
        (LineKind.EARNINGS, found.EarningsLines),
        (LineKind.LEAVE_EARNINGS, found.LeaveEarningsLines),
        (LineKind.TIMESHEET_EARNINGS, found.TimesheetEarningsLines),
    ):
        lines += [_earnings(kind, number, one) for number, one in enumerate(earnings or ())]
    lines += [_deduction(number, one) for number, one in enumerate(found.DeductionLines or ())]
    lines += [_accrual(number, one) for number, one in enumerate(found.LeaveAccrualLines or ())]
    lines += [_reimbursement(number, one) for number, one in enumerate(found.ReimbursementLines or ())]
    lines += [_super(number, one) for number, one in enumerate(found.SuperannuationLines or ())]
    lines += [_tax(number, one) for number, one in enumerate(found.TaxLines or ())]
    yield PayslipLines(payslip_id=SourceId(found.PayslipID), lines=tuple(lines))


def _earnings(kind: LineKind, position: int, one: structs.EarningsLine) -> PayLine:
    return line(
        kind,
        position,
        item_id=one.EarningsRateID,
        units=one.NumberOfUnits,
        rate=one.RatePerUnit,
        amount=_earned(one),
    )


def _earned(one: structs.EarningsLine) -> Decimal | None:
    """The line's amount: as said, or units times rate to the cent."""
    if one.Amount is not None:
        return one.Amount
    if one.FixedAmount is not None:
        return one.FixedAmount
    if one.RatePerUnit is None or one.NumberOfUnits is None:
        return None
    return (one.RatePerUnit * one.NumberOfUnits).quantize(CENT, ROUND_HALF_UP)


def _deduction(position: int, one: structs.DeductionLine) -> PayLine:
    return line(
        LineKind.DEDUCTION,
        position,
        item_id=one.DeductionTypeID,
        line_type=one.CalculationType,
        units=one.NumberOfUnits,
        percentage=one.Percentage,
        amount=one.Amount,
    )


def _accrual(position: int, one: structs.LeaveAccrualLine) -> PayLine:
    return line(LineKind.LEAVE_ACCRUAL, position, item_id=one.LeaveTypeID, units=one.NumberOfUnits)


def _reimbursement(position: int, one: structs.ReimbursementLine) -> PayLine:
    return line(LineKind.REIMBURSEMENT, position, item_id=one.ReimbursementTypeID, amount=one.Amount)


def _super(position: int, one: structs.SuperannuationLine) -> PayLine:
    """Only SGC and EMPLOYERADDITIONAL are the employer's; the line's type tells."""
    return line(
        LineKind.EMPLOYER_PENSION,
        position,
        line_type=one.ContributionType,
        percentage=one.Percentage,
        amount=one.Amount,
    )


def _tax(position: int, one: structs.TaxLine) -> PayLine:
    return line(
        LineKind.EMPLOYEE_TAX,
        position,
        name=one.TaxTypeName,
        line_type=one.ManualTaxType,
        amount=one.Amount,
    )
