"""New Zealand's records (xero-payroll-nz.yaml)."""

from decimal import Decimal

from simulator.api.endpoint import Call, Document, NotFound, found
from simulator.identifiers import identifier
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Employee, PayItem, Private
from simulator.payroll.pay import Line, PayRun, Payslip
from simulator.regions.newer import records
from simulator.regions.newer.answers import single
from simulator.regions.wire import Row, iso_date, iso_instant

_ENGAGEMENT = {"full_time": "Permanent", "part_time": "Permanent", "casual": "Casual"}
_TAX_SETTINGS = {
    "periodUnits": Decimal("2.0"),
    "periodType": "weeks",
    "taxCode": "M",
    "specialTaxRate": None,
    "lumpSumTaxCode": "SB",
    "lumpSumAmount": None,
}
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def employee(employee: Employee, private: Private) -> Row:
    """An employee, alone or in the list: with address and date of birth."""
    address = private.address
    return {
        "employeeID": employee.id,
        "title": employee.title,
        "firstName": employee.first_name,
        "lastName": employee.last_name,
        "dateOfBirth": iso_date(private.date_of_birth),
        "gender": employee.gender,
        "email": employee.email,
        "phoneNumber": private.phone,
        "startDate": iso_date(employee.start_date),
        "address": {
            "addressLine1": address.line1,
            "addressLine2": address.line2,
            "city": address.city,
            "suburb": address.region,
            "countryName": address.country,
            "postCode": address.postal_code,
        },
        "payrollCalendarID": employee.calendar_id,
        "updatedDateUTC": iso_instant(employee.updated_at),
        "createdDateUTC": iso_instant(employee.created_at),
        "endDate": iso_date(employee.end_date),
        "jobTitle": employee.job_title,
        "engagementType": _ENGAGEMENT[employee.basis],
        "fixedTermEndDate": None,
    }


def payslip_summary(_: Call, __: PayRun, slip: Payslip) -> Row:
    """A payslip as its pay run shows it."""
    return {
        **records.payslip_totals(slip),
        "lastEdited": iso_instant(slip.updated_at),
        "totalStatutoryDeductions": slip.totals.statutory,
        "totalSuperannuation": slip.totals.pension,
    }


def payslip(call: Call, run: PayRun, slip: Payslip) -> Row:
    """A payslip with all its lines."""
    return {
        **payslip_summary(call, run, slip),
        "earningsLines": [_earnings_line(line) for line in slip.section("earnings")],
        "leaveEarningsLines": [_earnings_line(line) for line in slip.section("leave")],
        "timesheetEarningsLines": [_earnings_line(line) for line in slip.section("timesheet")],
        "deductionLines": [_deduction_line(line) for line in slip.section("deduction")],
        "reimbursementLines": [
            {**records.reimbursement_line(line), "ratePerUnit": None, "numberOfUnits": None}
            for line in slip.section("reimbursement")
        ],
        "leaveAccrualLines": [records.accrual_line(line) for line in slip.section("accrual")],
        "superannuationLines": [_superannuation_line(line) for line in slip.section("pension")],
        "paymentLines": [records.payment_line(call.clinic, slip)],
        "employeeTaxLines": records.tax_lines(slip, "employee_tax"),
        "employerTaxLines": records.tax_lines(slip, "employer_tax"),
        "statutoryDeductionLines": [_statutory_line(line) for line in slip.section("statutory")],
        "taxSettings": dict(_TAX_SETTINGS),
        "grossEarningsHistory": {"daysPaid": 10, "unpaidWeeks": 0},
    }


def _deduction_line(line: Line) -> Row:
    return {
        "deductionTypeID": line.item_id,
        "displayName": line.name,
        "amount": line.amount,
        "subjectToTax": True,
        "percentage": None,
    }


def _superannuation_line(line: Line) -> Row:
    return {
        "superannuationTypeID": line.item_id,
        "displayName": line.name,
        "amount": line.amount,
        "fixedAmount": None,
        "percentage": line.percentage,
        "manualAdjustment": False,
    }


def _statutory_line(line: Line) -> Row:
    return {
        "statutoryDeductionTypeID": line.item_id,
        "amount": line.amount,
        "fixedAmount": None,
        "manualAdjustment": None,
    }


def _earnings_line(line: Line) -> Row:
    return {
        "earningsLineID": line.item_id,
        "displayName": line.name,
        **records.earnings_line(line),
        "isAverageDailyPayRate": None,
        "isSystemGenerated": line.kind != "correction",
    }


def deduction(clinic: Clinic, value: PayItem) -> Row:
    """A deduction."""
    return {
        "deductionId": value.id,
        "deductionName": value.name,
        "deductionCategory": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "currentRecord": value.current,
        "standardAmount": value.rate,
    }


def statutory(clinic: Clinic, value: PayItem) -> Row:
    """A statutory deduction."""
    return {
        "id": value.id,
        "name": value.name,
        "statutoryDeductionCategory": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "currentRecord": value.current,
    }


def benefit(clinic: Clinic, value: PayItem) -> Row:
    """A superannuation scheme, which the API calls a benefit."""
    return {
        "id": value.id,
        "name": value.name,
        "category": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "expenseAccountId": records.account_id(clinic, "WAGESEXPENSE"),
        "standardAmount": None,
        "percentage": value.rate,
        "calculationTypeNZ": "PercentageOfTaxableEarnings",
        "currentRecord": value.current,
        "companyMax": None,
    }


def leave_type(_: Clinic, value: PayItem) -> Row:
    """A leave type."""
    return {
        "leaveTypeID": value.id,
        "name": value.name,
        "isPaidLeave": value.is_paid,
        "showOnPayslip": True,
        "updatedDateUTC": iso_instant(value.updated_at),
        "isActive": value.current,
        "typeOfUnits": value.units,
        "typeOfUnitsToAccrue": "Days",
    }


def reimbursement(clinic: Clinic, value: PayItem) -> Row:
    """A reimbursement."""
    return {
        "reimbursementID": value.id,
        "name": value.name,
        "accountID": records.account_id(clinic, "WAGESEXPENSE"),
        "currentRecord": value.current,
        "standardAmount": None,
        "standardTypeOfUnits": "km" if value.slug == "travel" else None,
        "standardRatePerUnit": Decimal("0.95") if value.slug == "travel" else None,
        "reimbursementCategory": value.category,
        "calculationType": "RatePerUnit" if value.slug == "travel" else "FixedAmount",
    }


def bank_accounts(_: Employee, private: Private) -> list[Row]:
    """Where an employee is paid."""
    return [
        {
            "accountName": account.name,
            "accountNumber": account.number,
            "sortCode": None,
            "particulars": None,
            "code": None,
            "dollarAmount": Decimal("100.00") if number else None,
            "reference": "",
            "calculationType": "FixedAmount" if number else "Balance",
        }
        for number, account in enumerate(private.bank_accounts)
    ]


def leave(row: Row) -> Row:
    """Leave, with how much of it was taken."""
    more = {"typeOfUnits": "Hours", "typeOfUnitsTaken": "Weeks"}
    periods = [{**p, **more, "numberOfUnitsTaken": Decimal("0.2")} for p in row["periods"]]
    return {**row, "periods": periods}


def employee_leave_type(_: Clinic, value: PayItem) -> Row:
    """A leave type as it accrues to an employee."""
    return {
        "leaveTypeID": value.id,
        "scheduleOfAccrual": value.category,
        "maximumToAccrue": Decimal(0),
        "openingBalance": Decimal(0),
        "rateAccruedHourly": None,
        "percentageOfGrossEarnings": None,
        "includeHolidayPayEveryPay": None,
        "showAnnualLeaveInAdvance": None,
        "annualLeaveTotalAmountPaid": None,
        "scheduleOfAccrualDate": None,
        "unitsAccruedAnnually": Decimal(4),
        "typeOfUnitsToAccrue": "Weeks",
        "openingBalanceTypeOfUnits": "Weeks",
    }


def tax(employee: Employee, private: Private) -> Row:
    """An employee's tax and KiwiSaver, with the IRD number."""
    return {
        "irdNumber": private.tax_number,
        "taxCode": "MSL" if employee.student_loan else "M",
        "esctRatePercentage": Decimal("17.5"),
        "isEligibleForKiwiSaver": True,
        "hasSpecialStudentLoanRate": False,
        "specialStudentLoanRatePercentage": None,
        "specialTaxRatePercentage": None,
        "kiwiSaverContributions": "MakeContributions",
        "kiwiSaverOptOutDate": None,
        "kiwiSaverContributionHolidayEndDate": None,
        "kiwiSaverEmployeeContributionRatePercentage": Decimal(3),
        "kiwiSaverEmployerContributionRatePercentage": Decimal(3),
        "kiwiSaverEmployerSalarySacrificeContributionRatePercentage": Decimal(0),
        "hasStudentLoanBalance": employee.student_loan,
        "studentLoanBalance": None,
        "studentLoanAsAt": None,
    }


def opening_balances(_: Call, employee: Employee) -> list[Row]:
    """What an employee brought along."""
    day = iso_date(employee.start_date)
    return [{"periodEndDate": day, "daysPaid": 0, "unpaidWeeks": 0, "grossEarnings": Decimal(0)}]


def pattern(employee: Employee) -> Row:
    """An employee's working pattern."""
    pattern = identifier(employee.id, "pattern")
    return {"payeeWorkingPatternID": pattern, "effectiveFrom": iso_date(employee.start_date)}


def one_pattern(call: Call) -> Document:
    """A working pattern with its weeks."""
    value: Employee = found(call.clinic.employees, call.ids[0])
    row = pattern(value)
    if row["payeeWorkingPatternID"] != call.ids[1].lower():
        raise NotFound
    daily = value.hours_per_week / 5
    week = {day: daily if number < len(_WEEK) - 2 else Decimal(0) for number, day in enumerate(_WEEK)}
    return single("payeeWorkingPattern", {**row, "workingWeeks": [week]})
