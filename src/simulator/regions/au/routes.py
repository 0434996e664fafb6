"""Payroll AU v1: every GET of Xero's published description."""

from collections.abc import Callable, Iterable
from typing import Any

from simulator.api.endpoint import (
    BadRequest,
    Broken,
    Call,
    Document,
    Endpoint,
    NotFound,
    Routes,
    found,
    page_number,
)
from simulator.payroll.model import PayItem
from simulator.regions.au import pay, people, setup
from simulator.regions.listing import listing, modified, paged
from simulator.regions.wire import Row, present

_KINDS = {
    "EarningsRates": "earnings",
    "DeductionTypes": "deduction",
    "LeaveTypes": "leave",
    "ReimbursementTypes": "reimbursement",
}
_APPROVED = {"scheduled", "processed"}


def _pay_items(call: Call) -> Document:
    empty = page_number(call.query) > 1 and not call.settings.pay_items_ignore_page
    items: list[PayItem] = modified(call, call.clinic.catalogue.items.values())

    def rows(kind: str) -> list[Row]:
        return [] if empty else [setup.pay_item(item) for item in items if item.kind == kind]

    return {"PayItems": {key: rows(kind) for key, kind in _KINDS.items()}}


def _employee(call: Call) -> Document:
    employee = found(call.clinic.employees, call.ids[0])
    return {"Employees": [present(people.employee_detail(call.clinic, employee))]}


def _pay_run(call: Call) -> Document:
    run = found(call.clinic.runs, call.ids[0])
    slips = [present(pay.payslip_summary(slip)) for slip in call.clinic.payslips(run)]
    return {"PayRuns": [present({**pay.pay_run(call.clinic, run), "Payslips": slips})]}


def _payslip(call: Call) -> Document:
    payslip_id = call.ids[0].lower()
    run = call.clinic.run_of(payslip_id)
    if run is None:
        raise NotFound
    slip = call.clinic.payslip(run, run.entries[payslip_id])
    return {"Payslip": pay.payslip(run, slip, all_totals=call.settings.payslip_shows_all_totals)}


def _leave_v2(call: Call) -> Document:
    if call.modified_since and call.settings.leave_v2_modified_since_fails:
        raise Broken
    return _leave_list(call, statuses={"requested", "rejected", *_APPROVED})


def _leave_list(call: Call, statuses: set[str]) -> Document:
    def items(call: Call) -> Iterable[Any]:
        leave = call.clinic.leave.values()
        return [item for item in leave if any(p.status in statuses for p in item.periods)]

    return listing("LeaveApplications", items, lambda _, item: pay.leave_application(item))(call)


def _fund(call: Call) -> Document:
    for row in setup.super_funds(call.clinic):
        if row["SuperFundID"] == call.ids[0].lower():
            return {"SuperFunds": [row]}
    raise NotFound


def _fund_products(call: Call) -> Document:
    if not {"ABN", "USI"} & set(call.query):
        raise BadRequest("An ABN or a USI is needed", 10, "ValidationException")
    product = {"USI": "CAR0100AU", "ABN": "24248426878", "ProductName": "Carers Super - Accumulation"}
    wanted = {key: call.query[key] for key in ("ABN", "USI") if key in call.query}
    return {"SuperFundProducts": [product] if wanted.items() <= product.items() else []}


def _one(key: str, records: str, render: Callable[[Any], Row]) -> Callable[[Call], Document]:
    """A single record in the list's own shape."""
    return lambda call: {key: [present(render(found(getattr(call.clinic, records), call.ids[0])))]}


def _runs(call: Call) -> Iterable[Any]:
    newest = call.clinic.runs_newest_first()
    return newest if call.settings.pay_runs_newest_first else newest[::-1]


def _employee_row(call: Call, employee: Any) -> Row:
    group = call.settings.employee_list_shows_group
    return people.employee_summary(call.clinic, employee, group=group)


_EMPLOYEES, _RUNS = "payroll.employees.read", "payroll.payruns.read"
_SETTINGS, _SHEETS = "payroll.settings.read", "payroll.timesheets.read"

ROUTES: Routes = {
    ("employees",): Endpoint(
        _EMPLOYEES,
        listing(
            "Employees",
            lambda call: call.clinic.employees.values(),
            _employee_row,
            keep=lambda row: row["Status"] == "ACTIVE",
        ),
    ),
    ("employees", "{}"): Endpoint(_EMPLOYEES, _employee),
    ("leaveapplications",): Endpoint(_EMPLOYEES, lambda call: _leave_list(call, _APPROVED)),
    ("leaveapplications", "v2"): Endpoint(_EMPLOYEES, _leave_v2),
    ("leaveapplications", "{}"): Endpoint(
        _EMPLOYEES, _one("LeaveApplications", "leave", pay.leave_application)
    ),
    ("payruns",): Endpoint(_RUNS, listing("PayRuns", _runs, lambda call, run: pay.pay_run(call.clinic, run))),
    ("payruns", "{}"): Endpoint(_RUNS, _pay_run),
    ("payslip", "{}"): Endpoint("payroll.payslip.read", _payslip),
    ("payitems",): Endpoint(_SETTINGS, _pay_items),
    ("payrollcalendars",): Endpoint(
        _SETTINGS,
        listing(
            "PayrollCalendars",
            lambda call: call.clinic.calendars.values(),
            lambda _, value: setup.calendar(value),
        ),
    ),
    ("payrollcalendars", "{}"): Endpoint(_SETTINGS, _one("PayrollCalendars", "calendars", setup.calendar)),
    ("settings",): Endpoint(
        _SETTINGS,
        lambda call: {
            "Settings": setup.settings(
                call.clinic.settings, days_as_text=call.settings.days_in_payroll_year_is_text
            )
        },
    ),
    ("superfunds",): Endpoint(
        _SETTINGS, lambda call: {"SuperFunds": paged(call, setup.super_funds(call.clinic))}
    ),
    ("superfunds", "{}"): Endpoint(_SETTINGS, _fund),
    ("superfundproducts",): Endpoint(_SETTINGS, _fund_products),
    ("timesheets",): Endpoint(
        _SHEETS,
        listing(
            "Timesheets",
            lambda call: call.clinic.timesheets.values(),
            lambda _, sheet: pay.timesheet(sheet, zone=""),  # the list's example has no zone
        ),
    ),
    ("timesheets", "{}"): Endpoint(
        _SHEETS,
        lambda call: {"Timesheet": pay.timesheet(found(call.clinic.timesheets, call.ids[0]))},
    ),
}
