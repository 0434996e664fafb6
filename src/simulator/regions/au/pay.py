"""Payroll AU v1's pay runs, payslips, timesheets and leave (xero-payroll-au.yaml)."""

from collections.abc import Callable

from simulator.identifiers import identifier
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Leave, Timesheet
from simulator.payroll.pay import Line, PayRun, Payslip, Totals
from simulator.regions.wire import Row, ms_date, ms_instant

_CONTRIBUTION = {
    "employer": "SGC",
    "salary_sacrifice": "SALARYSACRIFICE",
    "additional": "EMPLOYERADDITIONAL",
    "employee": "EMPLOYEE",
}


def pay_run(clinic: Clinic, run: PayRun) -> Row:
    """A pay run without its payslips, as lists show it."""
    totals = clinic.totals(run)
    return {
        "PayRunID": run.id,
        "PayrollCalendarID": run.calendar_id,
        "PayRunPeriodStartDate": ms_date(run.period_start),
        "PayRunPeriodEndDate": ms_date(run.period_end),
        "PaymentDate": ms_date(run.payment_date),
        **_money(totals, "Reimbursement"),
        "PayRunStatus": run.status.upper(),
        "PayslipMessage": run.message,
        "UpdatedDateUTC": ms_instant(run.updated_at),
    }


def payslip_summary(payslip: Payslip) -> Row:
    """A payslip as its pay run shows it."""
    return {
        "EmployeeID": payslip.employee_id,
        "PayslipID": payslip.id,
        "FirstName": payslip.first_name,
        "LastName": payslip.last_name,
        "EmployeeGroup": payslip.group,
        **_money(payslip.totals, "Reimbursements"),
        "UpdatedDateUTC": ms_instant(payslip.updated_at),
    }


def _money(totals: Totals, reimbursements: str) -> Row:
    return {
        "Wages": totals.earnings,
        "Deductions": totals.deductions,
        "Tax": totals.employee_tax,
        "Super": totals.pension,
        reimbursements: totals.reimbursements,
        "NetPay": totals.net,
    }


def payslip(run: PayRun, slip: Payslip, *, all_totals: bool) -> Row:
    """A payslip with its lines; Xero's own example carries no totals but Tax and NetPay."""
    money = _money(slip.totals, "Reimbursements")
    kept = money if all_totals else {key: money[key] for key in ("Tax", "NetPay")}

    def lines(section: str, render: Callable[[Line], Row]) -> list[Row]:
        return [render(line) for line in slip.lines if line.section == section]

    def superannuation(line: Line) -> Row:
        return {
            "SuperMembershipID": identifier(slip.employee_id, "membership"),
            "ContributionType": _CONTRIBUTION[line.kind],
            "CalculationType": "STATUTORY" if line.kind == "employer" else "FIXEDAMOUNT",
            "MinimumMonthlyEarnings": 0,
            "ExpenseAccountCode": "478",
            "LiabilityAccountCode": "826",
            "PaymentDateForThisPeriod": ms_date(run.payment_date),
            **({"Percentage": line.percentage} if line.percentage is not None else {}),
            "Amount": line.amount,
        }

    return {
        "EmployeeID": slip.employee_id,
        "PayslipID": slip.id,
        "FirstName": slip.first_name,
        "LastName": slip.last_name,
        **kept,
        "UpdatedDateUTC": ms_instant(slip.updated_at),
        "EarningsLines": lines("earnings", _earnings_line),
        "LeaveEarningsLines": lines("leave", _leave_line),
        "TimesheetEarningsLines": lines("timesheet", _earnings_line),
        "DeductionLines": lines("deduction", _deduction_line),
        "LeaveAccrualLines": lines("accrual", _accrual_line),
        "ReimbursementLines": lines("reimbursement", _reimbursement_line),
        "SuperannuationLines": lines("pension", superannuation),
        "TaxLines": lines("employee_tax", lambda line: _tax_line(slip, line)),
    }


def _earnings_line(line: Line) -> Row:
    if line.units is None:
        return {"EarningsRateID": line.item_id, "FixedAmount": line.amount}
    return {"EarningsRateID": line.item_id, "RatePerUnit": line.rate, "NumberOfUnits": line.units}


def _leave_line(line: Line) -> Row:
    paid_out = "CASHED_OUT" if line.kind == "cashed_out" else "DEFAULT"
    return {**_earnings_line(line), "PayOutType": paid_out}


def _deduction_line(line: Line) -> Row:
    return {"Amount": line.amount, "CalculationType": "FIXEDAMOUNT", "DeductionTypeID": line.item_id}


def _accrual_line(line: Line) -> Row:
    return {"LeaveTypeID": line.item_id, "NumberOfUnits": line.units, "AutoCalculate": True}


def _reimbursement_line(line: Line) -> Row:
    return {
        "ReimbursementTypeID": line.item_id,
        "Description": line.name,
        "ExpenseAccount": "493",
        "Amount": line.amount,
    }


def _tax_line(slip: Payslip, line: Line) -> Row:
    return {
        "PayslipTaxLineID": identifier(slip.id, line.kind),
        "TaxTypeName": "PAYG Tax",
        "Description": line.name,
        "Amount": line.amount,
        "LiabilityAccount": "825",
    }


def timesheet(sheet: Timesheet, *, zone: str = "+0000") -> Row:
    """A timesheet with its lines: one number for each day from the first."""
    return {
        "TimesheetID": sheet.id,
        "EmployeeID": sheet.employee_id,
        "StartDate": ms_date(sheet.start_date, zone),
        "EndDate": ms_date(sheet.end_date, zone),
        "Status": sheet.status.upper(),
        "Hours": sheet.total_hours,
        "TimesheetLines": [
            {
                "EarningsRateID": line.earnings_rate_id,
                **({"TrackingItemID": line.tracking_item_id} if line.tracking_item_id else {}),
                "NumberOfUnits": line.hours,
                "UpdatedDateUTC": ms_instant(sheet.updated_at),
            }
            for line in sheet.lines
        ],
        "UpdatedDateUTC": ms_instant(sheet.updated_at),
    }


def leave_application(leave: Leave) -> Row:
    """A leave application with its pay periods."""
    return {
        "LeaveApplicationID": leave.id,
        "EmployeeID": leave.employee_id,
        "LeaveTypeID": leave.leave_type_id,
        "LeavePeriods": [
            {
                "PayPeriodStartDate": ms_date(period.start_date),
                "PayPeriodEndDate": ms_date(period.end_date),
                "LeavePeriodStatus": period.status.upper(),
                "NumberOfUnits": period.units,
            }
            for period in leave.periods
        ],
        "Title": leave.title,
        "Description": leave.description,
        "StartDate": ms_date(leave.start_date),
        "EndDate": ms_date(leave.end_date),
        "UpdatedDateUTC": ms_instant(leave.updated_at),
        "PayOutType": "CASHED_OUT" if leave.cashed_out else "DEFAULT",
    }
