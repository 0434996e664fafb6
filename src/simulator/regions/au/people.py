"""Payroll AU v1's employees, with all that a copy must leave out (xero-payroll-au.yaml)."""

from decimal import Decimal

from simulator.identifiers import identifier
from simulator.payroll.absences import balances
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import BankAccount, Employee, LeaveBalance, Private
from simulator.regions.wire import Row, ms_date, ms_instant

_BASIS = {"full_time": "FULLTIME", "part_time": "PARTTIME", "casual": "CASUAL"}


def employee_summary(clinic: Clinic, employee: Employee, *, group: bool = False) -> Row:
    """An employee as lists show it."""
    private = clinic.private[employee.id]
    return {
        "EmployeeID": employee.id,
        "FirstName": employee.first_name,
        "MiddleNames": employee.middle_names,
        "LastName": employee.last_name,
        "Status": employee.status.upper(),
        "Email": employee.email,
        "DateOfBirth": ms_date(private.date_of_birth),
        "JobTitle": employee.job_title if group else None,
        "Gender": employee.gender,
        "Phone": private.phone,
        "Mobile": private.mobile,
        "StartDate": ms_date(employee.start_date),
        "TerminationDate": ms_date(employee.end_date),
        "TerminationReason": employee.end_reason,
        "OrdinaryEarningsRateID": employee.ordinary_rate_id,
        "PayrollCalendarID": employee.calendar_id,
        "EmployeeGroupName": employee.group if group else None,
        "UpdatedDateUTC": ms_instant(employee.updated_at),
        "IsSTP2Qualified": True,
    }


def employee_detail(clinic: Clinic, employee: Employee) -> Row:
    """An employee as a single GET shows it, with all that must stay private."""
    private = clinic.private[employee.id]
    address = private.address
    return {
        **employee_summary(clinic, employee, group=True),
        "Title": employee.title,
        "HomeAddress": {
            "AddressLine1": address.line1,
            "AddressLine2": address.line2 or "",
            "City": address.city,
            "Region": address.region,
            "PostalCode": address.postal_code,
            "Country": address.country,
        },
        "Classification": employee.classification,
        "IncomeType": "SALARYANDWAGES",
        "EmploymentType": "EMPLOYEE",
        "IsAuthorisedToApproveLeave": employee.number == 1,
        "IsAuthorisedToApproveTimesheets": employee.number == 1,
        "TaxDeclaration": _tax_declaration(employee, private),
        "BankAccounts": [_bank_account(*numbered) for numbered in enumerate(private.bank_accounts)],
        "PayTemplate": _pay_template(employee),
        "OpeningBalances": {
            "OpeningBalanceDate": ms_date(employee.start_date),
            "EarningsLines": [],
            "DeductionLines": [],
            "SuperLines": [],
            "ReimbursementLines": [],
            "LeaveLines": [],
            "PaidLeaveEarningsLines": [],
        },
        "SuperMemberships": [
            {
                "SuperMembershipID": membership_id(employee),
                "SuperFundID": fund_id(clinic, employee.number % 2),
                "EmployeeNumber": private.pension_member_number,
            }
        ],
        "LeaveBalances": [_leave_balance(one) for one in balances(clinic, employee)],
    }


def _bank_account(number: int, account: BankAccount) -> Row:
    """The first account takes what the others leave."""
    return {
        "StatementText": "Salary",
        "AccountName": account.name,
        "BSB": account.branch,
        "AccountNumber": account.number,
        "Remainder": number == 0,
        **({"Amount": Decimal("100.00")} if number else {}),
    }


def _tax_declaration(employee: Employee, private: Private) -> Row:
    return {
        "EmployeeID": employee.id,
        "EmploymentBasis": _BASIS[employee.basis],
        "TaxFileNumber": private.tax_number,
        "AustralianResidentForTaxPurposes": True,
        "ResidencyStatus": "AUSTRALIANRESIDENT",
        "TaxScaleType": "REGULAR",
        "WorkCondition": "NONE",
        "TaxFreeThresholdClaimed": True,
        "HasHELPDebt": employee.student_loan,
        "HasSFSSDebt": False,
        "HasStudentStartupLoan": False,
        "HasLoanOrStudentDebt": employee.student_loan,
        "EligibleToReceiveLeaveLoading": False,
        "UpdatedDateUTC": ms_instant(employee.updated_at),
        "IncludeLeaveLoadingInQualifyingEarnings": False,
    }


def _pay_template(employee: Employee) -> Row:
    if employee.pay_basis == "salary":
        line: Row = {
            "CalculationType": "ANNUALSALARY",
            "AnnualSalary": employee.annual_salary,
            "NumberOfUnitsPerWeek": employee.hours_per_week,
        }
    else:
        line = {"CalculationType": "ENTEREARNINGSRATE", "RatePerUnit": employee.hourly_rate}
        if employee.basis != "casual":  # casuals' templates hold a rate and nothing else
            line["NormalNumberOfUnits"] = employee.hours_per_week * 2
    return {
        "EarningsLines": [{"EarningsRateID": employee.ordinary_rate_id, **line}],
        "DeductionLines": [],
        "SuperLines": [
            {
                "SuperMembershipID": membership_id(employee),
                "ContributionType": "SGC",
                "CalculationType": "STATUTORY",
                "MinimumMonthlyEarnings": 0,
                "ExpenseAccountCode": "478",
                "LiabilityAccountCode": "826",
            }
        ],
        "ReimbursementLines": [],
        "LeaveLines": [],
    }


def _leave_balance(value: LeaveBalance) -> Row:
    return {
        "LeaveName": value.name,
        "LeaveTypeID": value.leave_type_id,
        "NumberOfUnits": value.units,
        "TypeOfUnits": value.type_of_units,
    }


def fund_id(clinic: Clinic, number: int) -> str:
    """The id of one of the organisation's super funds."""
    return identifier(clinic.seed, "fund", number)


def membership_id(employee: Employee) -> str:
    """The id of an employee's membership of a fund."""
    return identifier(employee.id, "membership")
