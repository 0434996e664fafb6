"""The United Kingdom's records (xero-payroll-uk.yaml)."""

from decimal import Decimal

from simulator.api.endpoint import BadRequest, Call
from simulator.identifiers import identifier
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Employee, PayItem, Private
from simulator.payroll.pay import Line, PayRun, Payslip
from simulator.regions.newer import people, records
from simulator.regions.wire import Row, iso_date, iso_instant

_CONTRACT = {"full_time": "FullTime", "part_time": "PartTime", "casual": "ZeroHour"}


def employee(value: Employee, private: Private) -> Row:
    """An employee, alone or in the list: with address, date of birth and NI number."""
    address = private.address
    return {
        "employeeID": value.id,
        "title": value.title,
        "firstName": value.first_name,
        "lastName": value.last_name,
        "dateOfBirth": f"{iso_date(private.date_of_birth)}+00:00",
        "gender": value.gender,
        "email": value.email,
        "phoneNumber": private.phone,
        "startDate": iso_date(value.start_date),
        "address": {
            "addressLine1": address.line1,
            "addressLine2": address.line2,
            "city": address.city,
            "county": address.region,
            "countryName": address.country,
            "postCode": address.postal_code,
        },
        "payrollCalendarID": value.calendar_id,
        "updatedDateUTC": iso_instant(value.updated_at),
        "createdDateUTC": iso_instant(value.created_at),
        "endDate": iso_date(value.end_date),
        "niCategory": "A",
        "niCategories": [
            {
                "startDate": iso_date(value.start_date),
                "niCategory": "A",
                "niCategoryID": 1,
                "workplacePostcode": address.postal_code,
            }
        ],
        "nationalInsuranceNumber": private.tax_number,
        "isOffPayrollWorker": False,
        "contracts": [_contract(value)],
    }


def _contract(value: Employee) -> Row:
    return {
        "publicKey": identifier(value.id, "contract"),
        "isFixedTerm": False,
        "employmentStatus": "Employee",
        "contractType": _CONTRACT[value.basis],
        "startDate": iso_date(value.start_date),
        "fixedTermEndDate": None,
        "developmentalRoleDetails": None,
    }


def payslip_summary(call: Call, run: PayRun, slip: Payslip) -> Row:
    """A payslip as its pay run shows it; one that nobody edited may lack a stamp, as in the example."""
    edited = bool(run.entries[slip.id].adjustments) or not call.settings.uk_unedited_payslips_lack_stamps
    return {
        **records.payslip_totals(slip),
        "lastEdited": iso_instant(slip.updated_at) if edited else None,
        "totalCourtOrders": slip.totals.statutory,
        "totalBenefits": slip.totals.pension,
    }


def payslip(call: Call, run: PayRun, slip: Payslip) -> Row:
    """A payslip with all its lines."""
    return {
        **payslip_summary(call, run, slip),
        "earningsLines": [_earnings_line(line) for line in slip.section("earnings")],
        "leaveEarningsLines": [records.earnings_line(line) for line in slip.section("leave")],
        "timesheetEarningsLines": [records.earnings_line(line) for line in slip.section("timesheet")],
        "deductionLines": [_deduction_line(line) for line in slip.section("deduction")],
        "reimbursementLines": [records.reimbursement_line(line) for line in slip.section("reimbursement")],
        "leaveAccrualLines": [records.accrual_line(line) for line in slip.section("accrual")],
        "benefitLines": [_benefit_line(line) for line in slip.section("pension")],
        "paymentLines": [records.payment_line(call.clinic, slip)],
        "employeeTaxLines": [
            {**line, "isEmployerTax": False} for line in records.tax_lines(slip, "employee_tax")
        ],
        "employerTaxLines": [
            {**line, "isEmployerTax": True} for line in records.tax_lines(slip, "employer_tax")
        ],
        "courtOrderLines": [
            {"courtOrderTypeID": line.item_id, "amount": line.amount} for line in slip.section("statutory")
        ],
    }


def _earnings_line(line: Line) -> Row:
    named = {"earningsLineID": line.item_id, "displayName": line.name, "isAverageDailyPayRate": None}
    return {**records.earnings_line(line), **named}


def _deduction_line(line: Line) -> Row:
    return {
        "deductionTypeID": line.item_id,
        "amount": line.amount,
        "subjectToTax": True,
        "percentage": line.percentage,
    }


def _benefit_line(line: Line) -> Row:
    return {
        "benefitTypeID": line.item_id,
        "displayName": line.name,
        "amount": line.amount,
        "fixedAmount": None,
        "percentage": line.percentage,
    }


def deduction(clinic: Clinic, value: PayItem) -> Row:
    """A deduction."""
    pension = value.slug == "pension_employee"
    return {
        "deductionId": value.id,
        "deductionName": value.name,
        "deductionCategory": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "currentRecord": value.current,
        "standardAmount": value.rate,
        "reducesSuperLiability": None,
        "reducesTaxLiability": None,
        "calculationType": "PercentageOfGross" if pension else "FixedAmount",
        "percentage": Decimal("5.00") if pension else None,
        "subjectToNIC": None,
        "subjectToTax": None,
        "isReducedByBasicRate": None,
        "applyToPensionCalculations": None,
        "isCalculatingOnQualifyingEarnings": None,
        "isPension": pension,
    }


def benefit(clinic: Clinic, value: PayItem) -> Row:
    """A benefit: here the employer's pension contribution."""
    return {
        "id": value.id,
        "name": value.name,
        "category": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "expenseAccountId": records.account_id(clinic, "WAGESEXPENSE"),
        "standardAmount": None,
        "percentage": value.rate,
        "calculationType": "PercentageOfGross",
        "currentRecord": value.current,
        "subjectToNIC": None,
        "subjectToPension": None,
        "subjectToTax": None,
        "isCalculatingOnQualifyingEarnings": None,
        "showBalanceToEmployee": False,
    }


def earnings_order(clinic: Clinic, value: PayItem) -> Row:
    """A court's order on earnings."""
    return {
        "id": value.id,
        "name": value.name,
        "statutoryDeductionCategory": value.category,
        "liabilityAccountId": records.account_id(clinic, "PAYELIABILITY"),
        "currentRecord": value.current,
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
        "isStatutoryLeave": False,
    }


def employee_leave_type(_: Clinic, value: PayItem) -> Row:
    """A leave type as it accrues to an employee."""
    return {
        "leaveTypeID": value.id,
        "scheduleOfAccrual": value.category,
        "hoursAccruedAnnually": Decimal("200.0"),
        "maximumToAccrue": Decimal(0),
        "openingBalance": Decimal(20),
        "rateAccruedHourly": Decimal(0),
        "scheduleOfAccrualDate": None,
    }


def reimbursement(clinic: Clinic, value: PayItem) -> Row:
    """A reimbursement."""
    return {
        "reimbursementID": value.id,
        "name": value.name,
        "accountID": records.account_id(clinic, "WAGESEXPENSE"),
        "currentRecord": value.current,
    }


def bank_accounts(_: Employee, private: Private) -> list[Row]:
    """Where an employee is paid."""
    return [
        {"accountName": account.name, "accountNumber": account.number, "sortCode": account.branch}
        for account in private.bank_accounts
    ]


def tax(value: Employee, _: Private) -> Row:
    """An employee's tax."""
    return {
        "starterType": "New Employee with P45",
        "starterDeclaration": "B.) This is currently their only job",
        "taxCode": "1257L",
        "w1M1": False,
        "previousTaxablePay": Decimal("2000.00"),
        "previousTaxPaid": Decimal("200.00"),
        "studentLoanDeduction": "Plan 2" if value.student_loan else None,
        "hasPostGraduateLoans": False,
        "isDirector": False,
        "directorshipStartDate": None,
        "nicCalculationMethod": None,
    }


def opening_balances(_: Call, __: Employee) -> Row:
    """What an employee brought along."""
    paid = ("Adoption", "Maternity", "Paternity", "SharedParental", "Sick")
    return {**{f"statutory{name}Pay": Decimal(0) for name in paid}, "priorEmployeeNumber": None}


def statutory_balance(call: Call, _: Employee) -> Row:
    """What is left of a statutory leave."""
    if "LeaveType" not in call.query:
        raise BadRequest("LeaveType is required", kind="BadRequest")
    return {"leaveType": call.query["LeaveType"], "balanceRemaining": Decimal(1120), "units": "Hours"}


def one_leave(call: Call, value: Employee) -> Row | None:
    """The leave whose id is the path's second."""
    return next((people.leave(x) for x in people.leave_of(call, value) if x.id == call.ids[1].lower()), None)
