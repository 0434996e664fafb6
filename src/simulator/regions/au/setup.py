"""Payroll AU v1's calendars, pay items, settings and super funds (xero-payroll-au.yaml)."""

from collections.abc import Callable

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, PayItem, PayrollSettings
from simulator.regions.au.people import fund_id
from simulator.regions.wire import Row, ms_date, ms_instant


def calendar(value: Calendar) -> Row:
    """A pay calendar."""
    return {
        "PayrollCalendarID": value.id,
        "Name": value.name,
        "CalendarType": value.frequency.replace("_", "").upper(),
        "StartDate": ms_date(value.start_date),
        "PaymentDate": ms_date(value.payment_date),
        "UpdatedDateUTC": ms_instant(value.updated_at),
        "ReferenceDate": ms_date(value.reference_date),
    }


def pay_item(item: PayItem) -> Row:
    """A pay item in the shape of its kind."""
    stamp = {"UpdatedDateUTC": ms_instant(item.updated_at), "CurrentRecord": item.current}
    return {**_PAY_ITEMS[item.kind](item), **stamp}


def _earnings_rate(item: PayItem) -> Row:
    rate_key = {"RATEPERUNIT": "RatePerUnit", "MULTIPLE": "Multiplier", "FIXEDAMOUNT": "Amount"}
    # The description has RatePerUnit as text and shows a number; the others are numbers in both.
    rate = {rate_key[item.rate_type]: item.rate} if item.rate_type and item.rate else {}
    return {
        "EarningsRateID": item.id,
        "Name": item.name,
        "EarningsType": item.category,
        "RateType": item.rate_type,
        "AccountCode": item.account_code,
        **({"TypeOfUnits": item.units} if item.units else {}),
        **rate,
        "IsExemptFromTax": False,
        "IsExemptFromSuper": item.slug == "overtime",
        "IsReportableAsW1": True,
        "IsQualifyingEarnings": item.slug != "overtime",
        "AllowanceContributesToAnnualLeaveRate": False,
        "AllowanceContributesToOvertimeRate": False,
        **({"AllowanceType": "OTHER"} if item.category == "ALLOWANCE" else {}),
    }


def _deduction_type(item: PayItem) -> Row:
    return {
        "DeductionTypeID": item.id,
        "DeductionCategory": item.category,
        "Name": item.name,
        "AccountCode": item.account_code,
        "ReducesTax": False,
        "ReducesSuper": False,
        "IsExemptFromW1": False,
    }


def _leave_type(item: PayItem) -> Row:
    return {
        "LeaveTypeID": item.id,
        "Name": item.name,
        "TypeOfUnits": item.units,
        **({"NormalEntitlement": item.rate} if item.rate else {}),
        "IsPaidLeave": item.is_paid,
        "ShowOnPayslip": True,
        "LeaveCategoryCode": item.category,
        "SGCExempt": False,
        "IsQualifyingEarnings": item.is_paid,
    }


def _reimbursement_type(item: PayItem) -> Row:
    return {"ReimbursementTypeID": item.id, "Name": item.name, "AccountCode": item.account_code}


_PAY_ITEMS: dict[str, Callable[[PayItem], Row]] = {
    "earnings": _earnings_rate,
    "deduction": _deduction_type,
    "leave": _leave_type,
    "reimbursement": _reimbursement_type,
}


def settings(value: PayrollSettings, *, days_as_text: bool) -> Row:
    """Payroll settings."""
    days: int | str = value.days_in_payroll_year
    return {
        "Accounts": [
            {"AccountID": a.id, "Type": a.type, "Code": a.code, "Name": a.name} for a in value.accounts
        ],
        "TrackingCategories": {
            key: {"TrackingCategoryID": category.id, "TrackingCategoryName": category.name}
            for key, category in (
                ("EmployeeGroups", value.employee_groups),
                ("TimesheetCategories", value.timesheet_categories),
            )
        },
        "DaysInPayrollYear": str(days) if days_as_text else days,
        "EmployeesAreSTP2": value.employees_are_stp2,
    }


def super_funds(clinic: Clinic) -> list[Row]:
    """A regulated fund and a self-managed one, whose bank account must stay private."""
    stamp = ms_instant(clinic.organisation.created_at)
    return [
        {
            "SuperFundID": fund_id(clinic, 0),
            "Name": "Carers Super",
            "Type": "REGULATED",
            "USI": "CAR0100AU",
            "UpdatedDateUTC": stamp,
        },
        {
            "SuperFundID": fund_id(clinic, 1),
            "Name": "Own Super Fund",
            "Type": "SMSF",
            "ABN": "53004085616",
            "EmployerNumber": "9876543",
            "BSB": clinic.secrets["fund_branch"],
            "AccountNumber": clinic.secrets["fund_account"],
            "AccountName": "Own Super Fund Pty Ltd",
            "UpdatedDateUTC": stamp,
            "ElectronicServiceAddress": "FG48739",
        },
    ]
