"""
The simulator's ground truth against the views, on every field that is kept.

Written against the truth's neutral forms, not against the adapter, so the two cannot be wrong together.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deployment.truth import au, newer
from deployment.truth.costs import costs
from deployment.truth.facts import Facts, Region, amount, day
from services.databases import libpq_url

NIGHTLY = ("leave_balance",)
"""What a pay run or leave changes without a stamp that tells: only the nightly comparison sees it."""

REGIONS = {"AU": au.AU, "NZ": newer.NZ, "UK": newer.UK}


def differences(
    truth: dict[str, Any], database_url: str, clinic_id: str, *, but: Sequence[str] = ()
) -> list[str]:
    """What the views say otherwise than the truth, one line each; nothing where all is equal."""
    with psycopg.connect(libpq_url(database_url), row_factory=dict_row) as connection:
        shown = {view: _shown(connection, view, clinic_id) for view in VIEWS}
    found = []
    for view, facts in expected(truth).items():
        if view in but:
            continue
        held = VIEWS[view](shown[view])
        found += [f"{view} {key}: missing" for key in facts.keys() - held.keys()]
        found += [f"{view} {key}: should not be there" for key in held.keys() - facts.keys()]
        found += [
            f"{view} {key}: {held[key]} instead of {facts[key]}"
            for key in facts.keys() & held.keys()
            if facts[key] != held[key]
        ]
    return found


def _shown(connection: psycopg.Connection[dict[str, Any]], view: str, clinic_id: str) -> list[dict[str, Any]]:
    query = f"SELECT * FROM allie_xero_read.{view} WHERE clinic_id = %s"
    return list(connection.execute(query, (clinic_id,)))


def expected(truth: dict[str, Any]) -> dict[str, Facts]:
    """The truth as the views should show it."""
    region = REGIONS[truth["organisation"]["region"]]
    runs = truth["pay_runs"]
    slips = [(run, slip) for run in runs for slip in run["payslips"]]
    return {
        **_clinic(truth),
        "payroll_settings": {(0,): region.settings(truth["settings"])},
        "pay_item": {
            (region.item_kinds[one["kind"]], one["id"]): (one["name"], one["current"])
            for one in truth["pay_items"]
            if one["kind"] in region.item_kinds
        },
        "employee": {(one["id"],): region.employee(one) for one in truth["employees"]},
        "pay_run": {
            (run["id"],): (
                run["calendar_id"],
                run["status"],
                day(run["period_start"]),
                day(run["period_end"]),
                day(run["payment_date"]),
                True,
                *region.totals(run["totals"]),
            )
            for run in runs
        },
        "payslip": {
            (slip["id"],): (
                run["id"],
                slip["employee_id"],
                slip["first_name"],
                slip["last_name"],
                region.group(slip),
                True,
                *region.totals(slip["totals"]),
            )
            for run, slip in slips
        },
        "pay_line": {key: fact for _, slip in slips for key, fact in region.lines(slip)},
        "payslip_cost": costs(runs),
        **_time(truth, region),
    }


def _clinic(truth: dict[str, Any]) -> dict[str, Facts]:
    organisation = truth["organisation"]
    return {
        "organisation": {
            (organisation["id"],): (
                organisation["name"],
                organisation["legal_name"],
                organisation["region"],
                organisation["currency"],
                organisation["timezone"],
                organisation["financial_year_end_day"],
                organisation["financial_year_end_month"],
            )
        },
        "account_user": {
            (one["user_id"],): (
                one["email"],
                one["first_name"],
                one["last_name"],
                one["role"].lower(),
                one["is_subscriber"],
            )
            for one in truth["users"]
        },
        "pay_calendar": {
            (one["id"],): (one["name"], day(one["start_date"]), day(one["payment_date"]))
            for one in truth["calendars"]
        },
    }


def _time(truth: dict[str, Any], region: Region) -> dict[str, Facts]:
    """Timesheets and leave."""
    leave = [one for one in truth["leave"] if region.shows_leave(one)]
    return {
        "timesheet": {
            (one["id"],): (
                one["employee_id"],
                region.sheet_status(one["status"]),
                day(one["start_date"]),
                day(one["end_date"]),
                amount(one["total_hours"]),
            )
            for one in truth["timesheets"]
        },
        "timesheet_entry": au.hours(truth["timesheets"]),
        "timesheet_hours": _hours(truth["timesheets"], region),
        "leave_application": {
            (one["id"],): (
                one["employee_id"],
                one["leave_type_id"],
                day(one["start_date"]),
                day(one["end_date"]),
            )
            for one in leave
        },
        "leave_period": {
            (one["id"], position): (
                day(period["start_date"]),
                day(period["end_date"]),
                amount(period["units"]),
                region.leave_status(period["status"]),
                *region.leave_units,
            )
            for one in leave
            for position, period in enumerate(one["periods"])
        },
        "leave_balance": {
            (one["employee_id"], one["leave_type_id"]): (
                one["name"],
                amount(one["units"]),
                one["type_of_units"].lower(),
            )
            for one in truth["leave_balances"]
        },
    }


def _hours(sheets: list[dict[str, Any]], region: Region) -> Facts:
    """What somebody worked in a day at one rate, wherever that was."""
    hours: Facts = {}
    for sheet in sheets:
        status = region.sheet_status(sheet["status"])
        for (_, on, rate, _), (units,) in au.hours([sheet]).items():
            key = (sheet["employee_id"], on, rate, status)
            hours[key] = (hours.get(key, (0,))[0] + units,)
    return hours


def _view(keys: str, values: str) -> Any:
    def facts(rows: list[dict[str, Any]]) -> Facts:
        return {
            tuple(row[key] for key in keys.split()): tuple(row[value] for value in values.split())
            for row in rows
        }

    return facts


def _settings(rows: list[dict[str, Any]]) -> Facts:
    def names(values: Any) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((one["id"], one["name"] or "") for one in values))

    told = [(row["days_in_payroll_year"], row["accounts"], row["tracking_categories"]) for row in rows]
    return {
        (number,): (days, names(accounts), names(places))
        for number, (days, accounts, places) in enumerate(told)
    }


TOTALS = "earnings deductions tax statutory_deductions employer_pension employer_tax reimbursements net_pay"

VIEWS = {
    "organisation": _view(
        "organisation_id",
        "name legal_name region currency timezone financial_year_end_day financial_year_end_month",
    ),
    "account_user": _view("user_id", "email first_name last_name role is_subscriber"),
    "payroll_settings": _settings,
    "pay_calendar": _view("calendar_id", "name period_start payment_date"),
    "pay_item": _view("kind item_id", "name is_current"),
    "employee": _view(
        "employee_id",
        "first_name last_name email status start_date end_date end_reason calendar_id ordinary_rate_id "
        "job_title classification employee_group employment_basis annual_salary hours_per_week rate_per_unit",
    ),
    "pay_run": _view(
        "pay_run_id", f"calendar_id status period_start period_end payment_date ties_out {TOTALS}"
    ),
    "payslip": _view(
        "payslip_id", f"pay_run_id employee_id first_name last_name employee_group has_lines {TOTALS}"
    ),
    "pay_line": _view("payslip_id kind position", "item_id line_type units amount"),
    "payslip_cost": _view(
        "payslip_id",
        "pay_run_id employee_id pay_run_status calendar_id period_start period_end payment_date "
        "earnings employer_pension employer_tax reimbursements cost hours_paid leave_hours_paid "
        "is_provisional",
    ),
    "timesheet": _view("timesheet_id", "employee_id status period_start period_end total_units"),
    "timesheet_entry": _view("timesheet_id day earnings_rate_id tracking_item_id", "units"),
    "timesheet_hours": _view("employee_id day earnings_rate_id status", "hours"),
    "leave_application": _view("leave_application_id", "employee_id leave_type_id start_date end_date"),
    "leave_period": _view(
        "leave_application_id position",
        "period_start period_end units status type_of_units units_taken type_of_units_taken",
    ),
    "leave_balance": _view("employee_id leave_type_id", "name units type_of_units"),
}
