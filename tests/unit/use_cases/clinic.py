"""A small clinic at Xero: some staff, and some pay runs whose payslips tie."""

from datetime import date, timedelta
from typing import Any

from domain.model.ids import SourceId
from domain.model.streams import Resource
from fakes.service import InMemoryService, make_service
from payroll_builders import (
    make_calendar,
    make_employee_detail,
    make_leave,
    make_lines,
    make_pay_item,
    make_pay_run_detail,
    make_payslip,
    make_timesheet_detail,
    make_totals,
    make_user,
)

NEWEST = date(2026, 11, 17)


def filled(service: InMemoryService, *, staff: int = 2, runs: int = 3) -> InMemoryService:
    """Fill a service's Xero."""
    xero = service.xero
    xero.show(Resource.USERS, make_user())
    xero.show(Resource.PAY_ITEMS, make_pay_item())
    xero.show(Resource.PAY_CALENDARS, make_calendar())
    for number in range(1, staff + 1):
        employ(service, f"employee-{number}")
    for number in range(1, runs + 1):
        pay(service, f"run-{number}", NEWEST - timedelta(weeks=2 * (runs - number)), staff=staff)
    xero.show(Resource.TIMESHEETS, make_timesheet_detail())
    xero.hold(Resource.TIMESHEET, make_timesheet_detail())
    xero.show(Resource.LEAVE, make_leave())
    xero.hold(Resource.LEAVE_APPLICATION, make_leave())
    return service


def employ(service: InMemoryService, name: str, **changes: Any) -> None:
    """Somebody works here."""
    detail = make_employee_detail(name, **changes)
    assert detail.summary is not None
    service.xero.show(Resource.EMPLOYEES, detail.summary)
    service.xero.hold(Resource.EMPLOYEE, detail)


def pay(service: InMemoryService, name: str, on: date, *, staff: int = 2, **changes: Any) -> None:
    """A pay run, with a payslip for everybody: `run-1-slip-1` and so on."""
    slips = tuple(
        make_payslip(
            f"{name}-slip-{number}",
            pay_run_id=SourceId(name),
            employee_id=SourceId(f"employee-{number}"),
            totals=make_totals(),
        )
        for number in range(1, staff + 1)
    )
    totals = make_totals(
        earnings=staff * (slips[0].totals.earnings or 0),
        tax=staff * (slips[0].totals.tax or 0),
        net_pay=staff * (slips[0].totals.net_pay or 0),
    )
    values = {"payment_date": on, "period_end": on - timedelta(days=2), "totals": totals, **changes}
    detail = make_pay_run_detail(name, **values)
    assert detail.summary is not None
    service.xero.show(Resource.PAY_RUNS, detail.summary)
    service.xero.hold(Resource.PAY_RUN, type(detail)(id=detail.id, summary=detail.summary, payslips=slips))
    service.xero.hold(Resource.PAYSLIP, *(make_lines(slip.id) for slip in slips))


def connected_clinic(*, staff: int = 2, runs: int = 3) -> InMemoryService:
    """A clinic that has just connected; nothing but the check has been read."""
    service = filled(make_service(), staff=staff, runs=runs)
    service.connect()
    service.xero.requests.clear()
    service.database.outbox.events.clear()
    return service
