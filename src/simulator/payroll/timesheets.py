"""Making plausible timesheets."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, Employee, Timesheet, TimesheetLine
from simulator.payroll.rules import chance

_HOURS = tuple(Decimal(quarters * 25).scaleb(-2) for quarters in range(49))  # 0.00 to 12.00, shared
_SATURDAY = 5


def make_timesheet(
    clinic: Clinic, employee: Employee, calendar: Calendar, rng: Random, *, status: str, now: datetime
) -> Timesheet:
    """Add a timesheet of the employee for the calendar's next period."""
    start, end = calendar.start_date, calendar.end_date
    timesheet = Timesheet(
        id=clinic.new_id("timesheet"),
        employee_id=employee.id,
        calendar_id=calendar.id,
        start_date=start,
        end_date=end,
        status=status,
        lines=worked_hours(clinic, employee, calendar, rng),
        updated_at=now,
    )
    clinic.put_timesheet(timesheet)
    return timesheet


def worked_hours(
    clinic: Clinic, employee: Employee, calendar: Calendar, rng: Random
) -> tuple[TimesheetLine, ...]:
    """A period's hours by day: working days of about the usual length, now and then some overtime."""
    days = (calendar.end_date - calendar.start_date).days + 1
    usual = max(int(employee.hours_per_week / 5 * 4), 4)
    hours = []
    for day in range(days):
        weekend = (calendar.start_date + timedelta(day)).weekday() >= _SATURDAY
        absent = weekend or chance(rng, 0.1)
        hours.append(_HOURS[0] if absent else _HOURS[min(usual + rng.randint(-2, 2), 48)])
    options = clinic.settings.timesheet_categories.options
    tracking = rng.choice((None, *(option.id for option in options)))
    lines = [_line(clinic, "ordinary", tracking, hours)]
    if chance(rng, 0.12):
        extra = [_HOURS[0]] * days
        extra[rng.randrange(days)] = _HOURS[rng.randint(2, 16)]
        lines.append(_line(clinic, "overtime", None, extra))
    return tuple(lines)


def _line(clinic: Clinic, slug: str, tracking: str | None, hours: list[Decimal]) -> TimesheetLine:
    rate_id = clinic.catalogue(slug).id
    return TimesheetLine(earnings_rate_id=rate_id, tracking_item_id=tracking, hours=tuple(hours))
