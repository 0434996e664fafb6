"""The paths that NZ and the UK share, and Australia's timesheets."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.api.endpoint import BadRequest, Call, Document, Endpoint, NotFound, Routes, found
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Employee, PayItem, Private, Timesheet
from simulator.payroll.pay import PayRun, Payslip
from simulator.regions.newer import people, records
from simulator.regions.newer.answers import (
    Answer,
    Pair,
    filtered,
    listed_of_employee,
    of_employee,
    paged,
    pay_items,
    single,
)
from simulator.regions.wire import Row

EMPLOYEES, SETTINGS = "payroll.employees.read", "payroll.settings.read"
_RUNS, _SLIPS, _SHEETS = "payroll.payruns.read", "payroll.payslip.read", "payroll.timesheets.read"
_ItemRow = Callable[[Clinic, PayItem], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What a region renders in a way of its own."""

    employee: Callable[[Employee, Private], Row]
    tax: Callable[[Employee, Private], Row]
    bank_accounts: Callable[[Employee, Private], list[Row]]
    payslip_summary: Callable[[Call, PayRun, Payslip], Row]
    payslip: Callable[[Call, PayRun, Payslip], Row]
    leave: Callable[[Row], Row]
    deduction: _ItemRow
    leave_type: _ItemRow
    employee_leave_type: _ItemRow
    reimbursement: _ItemRow


def timesheet_routes(*, requested: bool = False) -> Routes:
    """Timesheets: a list without lines, and each with its lines."""

    def listed(call: Call) -> Document:
        query = call.query

        def fits(sheet: Timesheet) -> bool:
            status = records.timesheet_status(sheet, requested=requested)
            return (
                query.get("status", status).lower() == status.lower()
                and sheet.start_date.isoformat() >= query.get("startDate", "")
                and sheet.end_date.isoformat() <= query.get("endDate", "9999")
            )

        fields: dict[str, Callable[[Timesheet], str]] = {
            "employeeId": lambda sheet: sheet.employee_id,
            "payrollCalendarId": lambda sheet: sheet.calendar_id,
        }
        sheets = filtered(call, fields, filter(fits, call.clinic.timesheets.values()))
        if query.get("sort", "").lower() == "startdate":
            sheets.sort(key=lambda sheet: sheet.start_date, reverse=True)
        return paged(call, "timesheets", sheets, lambda s: records.timesheet(s, requested=requested))

    def one(call: Call) -> Document:
        sheet = found(call.clinic.timesheets, call.ids[0])
        return single("timesheet", records.timesheet_detail(sheet, requested=requested))

    return {("timesheets",): Endpoint(_SHEETS, listed), ("timesheets", "{}"): Endpoint(_SHEETS, one)}


def shared_routes(wire: Wire, *, requested: bool = False) -> Routes:
    """The paths of NZ and the UK that differ in their records only."""
    settings: Pair = (
        lambda call: single("settings", records.accounts(call.clinic)),
        lambda call: single("trackingCategories", records.tracking(call.clinic)),
    )
    pairs = {
        (EMPLOYEES, "employees", "employees/{}"): _employees(wire),
        (_RUNS, "payruns", "payruns/{}"): _pay_runs(wire),
        (_SLIPS, "payslips", "payslips/{}"): _payslips(wire),
        (SETTINGS, "payruncalendars", "payruncalendars/{}"): _calendars(),
        (SETTINGS, "settings", "settings/trackingcategories"): settings,
    }
    routes = timesheet_routes(requested=requested)
    for (scope, *paths), pair in pairs.items():
        for path, answer in zip(paths, pair, strict=True):
            routes[tuple(path.split("/"))] = Endpoint(scope, answer)
    for name, answer in _of_employee(wire).items():
        routes["employees", "{}", *name.split("/")] = Endpoint(EMPLOYEES, answer)
    return {
        **routes,
        **item_routes("earningsrates", "earnings", "earningsRates", records.earnings_rate),
        **item_routes("deductions", "deduction", "deductions", wire.deduction),
        **item_routes("leavetypes", "leave", "leaveTypes", wire.leave_type),
        **item_routes("reimbursements", "reimbursement", "reimbursements", wire.reimbursement),
    }


def item_routes(path: str, kind: str, key: str, render: _ItemRow) -> Routes:
    """The paths of one kind of pay item; a single one's key is the list's without the s."""
    listed, alone = pay_items(kind, key, key.removesuffix("s"), render)
    return {(path,): Endpoint(SETTINGS, listed), (path, "{}"): Endpoint(SETTINGS, alone)}


def _employees(wire: Wire) -> Pair:
    fields: dict[str, Callable[[Employee], str]] = {
        "firstName": lambda employee: employee.first_name,
        "lastName": lambda employee: employee.last_name,
    }

    def render(call: Call, employee: Employee) -> Row:
        return wire.employee(employee, call.clinic.private[employee.id])

    return (
        lambda call: paged(
            call,
            "employees",
            filtered(call, fields, call.clinic.employees.values()),
            lambda employee: render(call, employee),
        ),
        lambda call: single("employee", render(call, found(call.clinic.employees, call.ids[0]))),
    )


def _pay_runs(wire: Wire) -> Pair:
    def listed(call: Call) -> Document:
        runs = call.clinic.runs_newest_first()
        if not call.settings.pay_runs_newest_first:
            runs.reverse()
        status = call.query.get("status", "").lower()
        runs = [run for run in runs if status in ("", run.status)]
        return paged(call, "payRuns", runs, lambda run: records.pay_run(call.clinic, run))

    def one(call: Call) -> Document:
        run: PayRun = found(call.clinic.runs, call.ids[0])
        slips = [wire.payslip_summary(call, run, slip) for slip in call.clinic.payslips(run)]
        return single("payRun", {**records.pay_run(call.clinic, run), "paySlips": slips})

    return listed, one


def _payslips(wire: Wire) -> Pair:
    def listed(call: Call) -> Document:
        run_id = next((v for k, v in call.query.items() if k.lower() == "payrunid"), None)
        if run_id is None:
            raise BadRequest("PayRunID is required", kind="BadRequest")
        run: PayRun = found(call.clinic.runs, run_id)

        def render(entry_id: str) -> Row:
            return wire.payslip(call, run, call.clinic.payslip(run, run.entries[entry_id]))

        return paged(call, "paySlips", run.entries, render)

    def one(call: Call) -> Document:
        payslip_id = call.ids[0].lower()
        run = call.clinic.run_of(payslip_id)
        if run is None:
            raise NotFound
        return single("paySlip", wire.payslip(call, run, call.clinic.payslip(run, run.entries[payslip_id])))

    return listed, one


def _calendars() -> Pair:
    return (
        lambda call: paged(call, "payRunCalendars", call.clinic.calendars.values(), records.calendar),
        lambda call: single("payRunCalendar", records.calendar(found(call.clinic.calendars, call.ids[0]))),
    )


def _of_employee(wire: Wire) -> dict[str, Answer]:
    """What hangs below an employee."""

    def leave(call: Call, employee: Employee) -> list[Row]:
        return [wire.leave(people.leave(value)) for value in people.leave_of(call, employee)]

    def periods(call: Call, employee: Employee) -> list[Row]:
        first = call.query.get("startDate", "")
        rows = [row for value in leave(call, employee) for row in value["periods"]]
        return [row for row in rows if row["periodStartDate"] >= first]

    def leave_types(call: Call, _: Employee) -> list[Row]:
        items = call.clinic.catalogue.items.values()
        return [wire.employee_leave_type(call.clinic, item) for item in items if item.kind == "leave"]

    def payment(call: Call, employee: Employee) -> Row:
        accounts = wire.bank_accounts(employee, call.clinic.private[employee.id])
        return {"paymentMethod": "Electronically", "bankAccounts": accounts}

    return {
        "leave": of_employee("leave", leave),
        "leavebalances": listed_of_employee("leaveBalances", people.leave_balances),
        "leaveperiods": of_employee("periods", periods),
        "leavetypes": of_employee("leaveTypes", leave_types),
        "paymentmethods": of_employee("paymentMethod", payment),
        "paytemplates": of_employee("payTemplate", people.pay_template),
        "salaryandwages": listed_of_employee(
            "salaryAndWages", lambda _, employee: people.salary_and_wages(employee)
        ),
        "salaryandwages/{}": of_employee("salaryAndWages", people.salary_by_id),
        "tax": of_employee(
            "employeeTax",
            lambda call, employee: wire.tax(employee, call.clinic.private[employee.id]),
        ),
    }
