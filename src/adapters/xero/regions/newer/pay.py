"""Pay runs and payslips of New Zealand and the United Kingdom, in the one model."""

from collections.abc import Iterator
from decimal import Decimal

from adapters.xero import values
from adapters.xero.regions.lines import line
from adapters.xero.regions.newer import structs
from domain.model.ids import SourceId
from domain.model.payroll import (
    LineKind,
    PayLine,
    PayRunSummary,
    PayslipLines,
    PayslipSummary,
    Totals,
)


def pay_run(found: structs.PayRun) -> Iterator[PayRunSummary]:
    """A pay run as a list shows it: what was paid out, and what it cost in all."""
    yield PayRunSummary(
        id=SourceId(found.payRunID),
        calendar_id=values.identifier(found.payrollCalendarID),
        run_type=values.word(found.payRunType),
        status=values.required_word(found.payRunStatus),
        period_start=values.required_day(found.periodStartDate),
        period_end=values.required_day(found.periodEndDate),
        payment_date=values.required_day(found.paymentDate),
        totals=Totals(net_pay=values.amount(found.totalPay)),
        total_cost=values.amount(found.totalCost),
        source_updated_at=values.instant(found.postedDateTime),
    )


def payslip(found: structs.Payslip) -> Iterator[PayslipSummary | PayslipLines]:
    """A payslip's totals and its lines."""
    if found.payRunID is None:
        raise ValueError("a payslip without its pay run")
    payslip_id = SourceId(found.paySlipID)
    yield PayslipSummary(
        id=payslip_id,
        pay_run_id=SourceId(found.payRunID),
        employee_id=SourceId(found.employeeID),
        first_name=values.text(found.firstName),
        last_name=values.text(found.lastName),
        employee_group=None,
        totals=_totals(found),
        source_updated_at=values.instant(found.lastEdited),
    )
    yield PayslipLines(payslip_id=payslip_id, lines=tuple(_lines(found)))


def _totals(found: structs.Payslip) -> Totals:
    return Totals(
        earnings=values.amount(found.totalEarnings),
        deductions=values.amount(found.totalDeductions),
        tax=values.amount(found.totalEmployeeTaxes),
        statutory_deductions=_either(found.totalStatutoryDeductions, found.totalCourtOrders),
        employer_pension=_either(found.totalSuperannuation, found.totalBenefits),
        employer_tax=values.amount(found.totalEmployerTaxes),
        reimbursements=values.amount(found.totalReimbursements),
        net_pay=values.amount(found.totalPay),
    )


def _either(nz: Decimal | None, uk: Decimal | None) -> Decimal | None:
    """The same total under New Zealand's name or the United Kingdom's."""
    return values.amount(nz if nz is not None else uk)


def _lines(found: structs.Payslip) -> Iterator[PayLine]:
    for kind, earnings in (
        (LineKind.EARNINGS, found.earningsLines),
        (LineKind.LEAVE_EARNINGS, found.leaveEarningsLines),
        (LineKind.TIMESHEET_EARNINGS, found.timesheetEarningsLines),
    ):
        for position, one in enumerate(earnings or ()):
            yield _earnings(kind, position, one)
    yield from _withheld(found)
    yield from _on_top(found)


def _earnings(kind: LineKind, position: int, one: structs.EarningsLine) -> PayLine:
    return line(
        kind,
        position,
        item_id=one.earningsRateID,
        name=one.displayName,
        units=one.numberOfUnits,
        rate=one.ratePerUnit,
        amount=one.amount if one.amount is not None else one.fixedAmount,
    )


def _withheld(found: structs.Payslip) -> Iterator[PayLine]:
    """What the employee does not get."""
    for position, one in enumerate(found.deductionLines or ()):
        yield line(
            LineKind.DEDUCTION,
            position,
            item_id=one.deductionTypeID,
            name=one.displayName,
            percentage=one.percentage,
            amount=one.amount,
        )
    for position, tax in enumerate(found.employeeTaxLines or ()):
        yield line(LineKind.EMPLOYEE_TAX, position, line_type=tax.globalTaxTypeID, amount=tax.amount)
    for position, statutory in enumerate(found.statutoryDeductionLines or ()):
        item_id = statutory.statutoryDeductionTypeID
        yield line(LineKind.STATUTORY_DEDUCTION, position, item_id=item_id, amount=statutory.amount)
    for position, order in enumerate(found.courtOrderLines or ()):
        yield line(LineKind.COURT_ORDER, position, item_id=order.courtOrderTypeID, amount=order.amount)


def _on_top(found: structs.Payslip) -> Iterator[PayLine]:
    """What the employee or their pension gets beside the earnings, and what the employer is taxed."""
    for position, accrual in enumerate(found.leaveAccrualLines or ()):
        yield line(
            LineKind.LEAVE_ACCRUAL,
            position,
            item_id=accrual.leaveTypeID,
            units=accrual.numberOfUnits,
        )
    for position, paid_back in enumerate(found.reimbursementLines or ()):
        yield line(
            LineKind.REIMBURSEMENT,
            position,
            item_id=paid_back.reimbursementTypeID,
            units=paid_back.numberOfUnits,
            rate=paid_back.ratePerUnit,
            amount=paid_back.amount,
        )
    for position, one in enumerate(found.superannuationLines or ()):
        yield line(
            LineKind.EMPLOYER_PENSION,
            position,
            item_id=one.superannuationTypeID,
            name=one.displayName,
            percentage=one.percentage,
            amount=one.amount,
        )
    for position, benefit in enumerate(found.benefitLines or ()):
        yield line(
            LineKind.EMPLOYER_PENSION,
            position,
            item_id=benefit.benefitTypeID,
            name=benefit.displayName,
            percentage=benefit.percentage,
            amount=benefit.amount,
        )
    for position, tax in enumerate(found.employerTaxLines or ()):
        yield line(LineKind.EMPLOYER_TAX, position, line_type=tax.globalTaxTypeID, amount=tax.amount)
