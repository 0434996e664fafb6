"""Payroll records with sensible defaults."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.payroll import (
    AccountUser,
    EmployeeDetail,
    EmployeeSummary,
    LeaveApplication,
    LeaveBalance,
    LeavePeriod,
    LineKind,
    Organisation,
    PayCalendar,
    PayItem,
    PayItemKind,
    PayLine,
    PayrollSettings,
    PayRunDetail,
    PayRunSummary,
    PayslipLines,
    PayslipSummary,
    TimesheetDetail,
    TimesheetEntry,
    TimesheetSummary,
    Totals,
)

UPDATED = datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC)


def make_organisation(name: str = "tenant-1", **changes: Any) -> Organisation:
    values = {
        "id": TenantId(name),
        "name": f"Clinic {name}",
        "legal_name": f"Clinic {name} Pty Ltd",
        "region": Region.AU,
        "version": "AU",
        "country_code": "AU",
        "currency": "AUD",
        "timezone": "AUSEASTERNSTANDARDTIME",
        "status": "active",
        "organisation_type": "company",
        "plan": "premium",
        "is_demo": False,
        "financial_year_end_day": 30,
        "financial_year_end_month": 6,
        "created_at": UPDATED,
    }
    return Organisation(**{**values, **changes})


def make_user(name: str = "user-1", **changes: Any) -> AccountUser:
    values = {
        "id": SourceId(name),
        "email": f"{name}@clinic.test",
        "first_name": "Olivia",
        "last_name": "Owner",
        "role": "standard",
        "is_subscriber": True,
        "source_updated_at": UPDATED,
    }
    return AccountUser(**{**values, **changes})


def make_settings(**changes: Any) -> PayrollSettings:
    accounts = ({"id": "account-1", "type": "wagesexpense", "code": "477", "name": "Wages"},)
    return PayrollSettings(
        **{"days_in_payroll_year": 365, "accounts": accounts, "tracking_categories": None, **changes}
    )


def make_calendar(name: str = "calendar-1", **changes: Any) -> PayCalendar:
    values = {
        "id": SourceId(name),
        "name": "Fortnightly",
        "calendar_type": "fortnightly",
        "period_start": date(2026, 11, 16),
        "period_end": None,
        "payment_date": date(2026, 12, 1),
        "source_updated_at": UPDATED,
    }
    return PayCalendar(**{**values, **changes})


def make_pay_item(name: str = "item-1", **changes: Any) -> PayItem:
    values = {
        "id": SourceId(name),
        "kind": PayItemKind.EARNINGS,
        "name": "Ordinary hours",
        "category": "ordinarytimeearnings",
        "rate_type": "rateperunit",
        "type_of_units": "hours",
        "rate_per_unit": Decimal("45.50"),
        "multiplier": None,
        "account_code": "477",
        "is_current": True,
        "source_updated_at": UPDATED,
    }
    return PayItem(**{**values, **changes})


def make_employee(name: str = "employee-1", **changes: Any) -> EmployeeSummary:
    values = {
        "id": SourceId(name),
        "first_name": "Pat",
        "last_name": "Practitioner",
        "email": f"{name}@clinic.test",
        "status": "active",
        "start_date": date(2024, 1, 8),
        "end_date": None,
        "end_reason": None,
        "job_title": "Physiotherapist",
        "employment_basis": "fulltime",
        "calendar_id": SourceId("calendar-1"),
        "ordinary_rate_id": SourceId("item-1"),
        "source_updated_at": UPDATED,
    }
    return EmployeeSummary(**{**values, **changes})


def make_employee_detail(name: str = "employee-1", **changes: Any) -> EmployeeDetail:
    values = {
        "id": SourceId(name),
        "summary": make_employee(name),
        "classification": None,
        "employee_group": None,
        "pay_basis": "annualsalary",
        "annual_salary": Decimal(90000),
        "hours_per_week": Decimal(38),
        "rate_per_unit": None,
        "leave_balances": (
            LeaveBalance(
                leave_type_id=SourceId("leave-type-1"),
                name="Annual Leave",
                units=Decimal("19.5"),
                type_of_units="hours",
            ),
        ),
    }
    return EmployeeDetail(**{**values, **changes})


def make_totals(**changes: Any) -> Totals:
    values = {"earnings": Decimal("1729.00"), "tax": Decimal("300.00"), "net_pay": Decimal("1429.00")}
    return Totals(**{**values, **changes})


def make_pay_run(name: str = "run-1", **changes: Any) -> PayRunSummary:
    values = {
        "id": SourceId(name),
        "calendar_id": SourceId("calendar-1"),
        "run_type": None,
        "status": "posted",
        "period_start": date(2026, 11, 2),
        "period_end": date(2026, 11, 15),
        "payment_date": date(2026, 11, 17),
        "totals": make_totals(),
        "total_cost": None,
        "source_updated_at": UPDATED,
    }
    return PayRunSummary(**{**values, **changes})


def make_payslip(name: str = "slip-1", **changes: Any) -> PayslipSummary:
    values = {
        "id": SourceId(name),
        "pay_run_id": SourceId("run-1"),
        "employee_id": SourceId("employee-1"),
        "first_name": "Pat",
        "last_name": "Practitioner",
        "employee_group": None,
        "totals": make_totals(),
        "source_updated_at": UPDATED,
    }
    return PayslipSummary(**{**values, **changes})


def make_pay_run_detail(name: str = "run-1", *slips: str, **changes: Any) -> PayRunDetail:
    """A pay run in full, with these payslips, or one."""
    payslips = [make_payslip(one, pay_run_id=SourceId(name)) for one in slips or ("slip-1",)]
    summary = make_pay_run(name, **changes)
    return PayRunDetail(id=summary.id, summary=summary, payslips=tuple(payslips))


def make_line(position: int = 0, **changes: Any) -> PayLine:
    values = {
        "kind": LineKind.EARNINGS,
        "position": position,
        "item_id": SourceId("item-1"),
        "name": None,
        "line_type": None,
        "units": Decimal(38),
        "rate": Decimal("45.50"),
        "percentage": None,
        "amount": Decimal("1729.00"),
    }
    return PayLine(**{**values, **changes})


def make_lines(name: str = "slip-1", *lines: PayLine) -> PayslipLines:
    return PayslipLines(payslip_id=SourceId(name), lines=lines or (make_line(),))


def make_timesheet(name: str = "sheet-1", **changes: Any) -> TimesheetSummary:
    values = {
        "id": SourceId(name),
        "employee_id": SourceId("employee-1"),
        "calendar_id": None,
        "status": "approved",
        "period_start": date(2026, 11, 2),
        "period_end": date(2026, 11, 15),
        "total_units": Decimal("7.60"),
        "source_updated_at": UPDATED,
    }
    return TimesheetSummary(**{**values, **changes})


def make_entry(position: int = 0, **changes: Any) -> TimesheetEntry:
    values = {
        "position": position,
        "day": date(2026, 11, 2),
        "earnings_rate_id": SourceId("item-1"),
        "tracking_item_id": None,
        "units": Decimal("7.60"),
    }
    return TimesheetEntry(**{**values, **changes})


def make_timesheet_detail(
    name: str = "sheet-1", entries: tuple[TimesheetEntry, ...] | None = None, **changes: Any
) -> TimesheetDetail:
    kept = entries if entries is not None else (make_entry(),)
    return TimesheetDetail(summary=make_timesheet(name, **changes), entries=kept)


def make_leave(name: str = "leave-1", **changes: Any) -> LeaveApplication:
    values = {
        "id": SourceId(name),
        "employee_id": SourceId("employee-1"),
        "leave_type_id": SourceId("leave-type-1"),
        "start_date": date(2026, 11, 9),
        "end_date": date(2026, 11, 10),
        "periods": (
            LeavePeriod(
                position=0,
                period_start=date(2026, 11, 2),
                period_end=date(2026, 11, 15),
                units=Decimal("15.2"),
                status="processed",
            ),
        ),
        "source_updated_at": UPDATED,
    }
    return LeaveApplication(**{**values, **changes})
