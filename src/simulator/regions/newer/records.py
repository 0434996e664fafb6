"""Pay and settings as NZ and the UK both show them, and timesheets, which look so in Australia too."""

from datetime import date

from simulator.identifiers import identifier
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, PayItem, Timesheet
from simulator.payroll.pay import Line, PayRun, Payslip
from simulator.regions.wire import Row, iso_date, iso_instant

_STATUS = {"processed": "Completed", "approved": "Approved", "draft": "Draft", "rejected": "Draft"}
_TYPE = {
    "scheduled": "Scheduled",
    "unscheduled": "Unscheduled",
    "earlier_year_update": "EarlierYearUpdate",
}


def calendar_type(frequency: str) -> str:
    """A pay frequency in the newer API's words."""
    return "".join(part.capitalize() for part in frequency.split("_"))


def timesheet_status(sheet: Timesheet, *, requested: bool) -> str:
    """A timesheet's status; only NZ knows requested ones."""
    if sheet.status == "requested":
        return "Requested" if requested else "Draft"
    return _STATUS[sheet.status]


def timesheet(sheet: Timesheet, *, requested: bool = False) -> Row:
    """A timesheet as lists show it: without lines."""
    return {
        "timesheetID": sheet.id,
        "payrollCalendarID": sheet.calendar_id,
        "employeeID": sheet.employee_id,
        "startDate": iso_date(sheet.start_date),
        "endDate": iso_date(sheet.end_date),
        "status": timesheet_status(sheet, requested=requested),
        "totalHours": sheet.total_hours,
        "updatedDateUTC": iso_instant(sheet.updated_at),
    }


def timesheet_detail(sheet: Timesheet, *, requested: bool = False) -> Row:
    """A timesheet with a line for each day that has hours."""
    lines = [
        {
            "timesheetLineID": identifier(sheet.id, number, day),
            "date": iso_date(date.fromordinal(sheet.start_date.toordinal() + day)),
            "earningsRateID": line.earnings_rate_id,
            "trackingItemID": line.tracking_item_id,
            "numberOfUnits": hours,
        }
        for number, line in enumerate(sheet.lines)
        for day, hours in enumerate(line.hours)
        if hours
    ]
    return {**timesheet(sheet, requested=requested), "timesheetLines": lines}


def calendar(value: Calendar) -> Row:
    """A pay calendar; its period is the next one."""
    return {
        "payrollCalendarID": value.id,
        "name": value.name,
        "calendarType": calendar_type(value.frequency),
        "periodStartDate": iso_date(value.start_date),
        "periodEndDate": iso_date(value.end_date),
        "paymentDate": iso_date(value.payment_date),
        "updatedDateUTC": iso_instant(value.updated_at),
    }


def pay_run(clinic: Clinic, run: PayRun) -> Row:
    """A pay run without payslips; it has no stamp of its own."""
    totals = clinic.totals(run)
    paid_out = totals.earnings + totals.reimbursements
    return {
        "payRunID": run.id,
        "payrollCalendarID": run.calendar_id,
        "periodStartDate": iso_date(run.period_start),
        "periodEndDate": iso_date(run.period_end),
        "paymentDate": iso_date(run.payment_date),
        "totalCost": paid_out + totals.pension + totals.employer_tax,
        "totalPay": totals.net + totals.reimbursements,
        "payRunStatus": run.status.capitalize(),
        "payRunType": _TYPE[run.type],
        "calendarType": calendar_type(run.frequency),
        "postedDateTime": iso_instant(run.posted_at),
        "payslipMessage": run.message,
    }


def payslip_totals(slip: Payslip) -> Row:
    """The totals of a payslip that NZ and the UK share; what is paid out includes reimbursements."""
    totals = slip.totals
    return {
        "paySlipID": slip.id,
        "employeeID": slip.employee_id,
        "payRunID": slip.pay_run_id,
        "firstName": slip.first_name,
        "lastName": slip.last_name,
        "totalEarnings": totals.earnings,
        "grossEarnings": totals.earnings,
        "totalPay": totals.net + totals.reimbursements,
        "totalEmployerTaxes": totals.employer_tax,
        "totalEmployeeTaxes": totals.employee_tax,
        "totalDeductions": totals.deductions,
        "totalReimbursements": totals.reimbursements,
        "bacsHash": None,
        "paymentMethod": "Electronically",
    }


def earnings_line(line: Line) -> Row:
    """An earnings line: units at a rate, or a fixed amount."""
    fixed = line.units is None
    return {
        "earningsRateID": line.item_id,
        "ratePerUnit": line.rate,
        "numberOfUnits": line.units,
        "fixedAmount": line.amount if fixed else None,
        "amount": line.amount,
        "isLinkedToTimesheet": line.section == "timesheet",
    }


def reimbursement_line(line: Line) -> Row:
    """A reimbursement."""
    return {"reimbursementTypeID": line.item_id, "description": line.name, "amount": line.amount}


def accrual_line(line: Line) -> Row:
    """Leave that accrued."""
    return {"leaveTypeID": line.item_id, "numberOfUnits": line.units}


def payment_line(clinic: Clinic, slip: Payslip) -> Row:
    """Where the money went."""
    account = clinic.private[slip.employee_id].bank_accounts[0]
    return {
        "paymentLineID": identifier(slip.id, "payment"),
        "amount": slip.totals.net + slip.totals.reimbursements,
        "accountNumber": account.number,
        "sortCode": account.branch,
        "accountName": account.name,
    }


def tax_lines(slip: Payslip, section: str) -> list[Row]:
    """Taxes of the employee or of the employer."""
    return [
        {
            "taxLineID": identifier(slip.id, line.kind),
            "description": line.name,
            "amount": line.amount,
            "globalTaxTypeID": str(number + 1),
            "manualAdjustment": False,
        }
        for number, line in enumerate(slip.section(section))
    ]


def earnings_rate(clinic: Clinic, item: PayItem) -> Row:
    """An earnings rate: per unit, a multiple of the ordinary rate, or a fixed amount."""
    rate_keys = ("ratePerUnit", "multipleOfOrdinaryEarningsRate", "fixedAmount")
    rates = {key: item.rate if key == _lower_first(item.rate_type or "") else None for key in rate_keys}
    return {
        "earningsRateID": item.id,
        "name": item.name,
        "earningsType": item.category,
        "rateType": item.rate_type,
        "typeOfUnits": item.units,
        "currentRecord": item.current,
        "expenseAccountID": account_id(clinic, "WAGESEXPENSE"),
        **rates,
    }


def _lower_first(word: str) -> str:
    return word[:1].lower() + word[1:]


def account_id(clinic: Clinic, kind: str) -> str:
    """The id of the organisation's account of that type."""
    return next(account.id for account in clinic.settings.accounts if account.type == kind)


def accounts(clinic: Clinic) -> Row:
    """Payroll settings: here no more than accounts."""
    return {
        "accounts": [
            {"accountID": a.id, "type": a.type, "code": a.code, "name": a.name}
            for a in clinic.settings.accounts
        ]
    }


def tracking(clinic: Clinic) -> Row:
    """The two tracking categories that payroll uses."""
    return {
        "employeeGroupsTrackingCategoryID": clinic.settings.employee_groups.id,
        "timesheetTrackingCategoryID": clinic.settings.timesheet_categories.id,
    }
