"""Making plausible leave applications."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, Employee, Leave, LeavePeriod
from simulator.payroll.rules import chance

_TITLES = {"annual_leave": "Holiday", "sick_leave": "Unwell", "unpaid_leave": "Study days"}


def make_leave(
    clinic: Clinic, employee: Employee, period: Calendar, rng: Random, *, status: str, now: datetime
) -> Leave:
    """Add a leave application that falls into one pay period."""
    slug = rng.choice(("annual_leave", "annual_leave", "sick_leave", "unpaid_leave"))
    length = (period.end_date - period.start_date).days
    start = period.start_date + timedelta(rng.randrange(max(length - 3, 1)))
    days = rng.randint(1, 3)
    units = (employee.hours_per_week / 5 * days).quantize(Decimal("0.01"))
    leave = Leave(
        id=clinic.new_id("leave"),
        employee_id=employee.id,
        leave_type_id=clinic.catalogue(slug).id,
        title=_TITLES[slug],
        description="Back on Monday" if days > 1 else None,
        start_date=start,
        end_date=start + timedelta(days - 1),
        cashed_out=slug == "annual_leave" and chance(rng, 0.1),
        periods=(
            LeavePeriod(start_date=period.start_date, end_date=period.end_date, units=units, status=status),
        ),
        updated_at=now,
    )
    clinic.leave[leave.id] = leave
    return leave


def balance(clinic: Clinic, employee: Employee, slug: str, opening: Decimal, per_run: Decimal) -> Decimal:
    """Opening balance, and what posted runs gave, less what was taken."""
    leave_type = clinic.catalogue(slug).id
    runs = sum(
        1
        for run in clinic.runs.values()
        if run.status == "posted"
        and run.type == "scheduled"
        and run.calendar_id == employee.calendar_id
        and employee.works_in(run.period_start, run.period_end)
    )
    taken = sum(
        (
            period.units
            for leave in clinic.leave.values()
            if leave.employee_id == employee.id and leave.leave_type_id == leave_type
            for period in leave.periods
            if period.status == "processed"
        ),
        Decimal(0),
    )
    return opening + per_run * runs - taken


def overlaps(leave: Leave, start: date, end: date) -> bool:
    """Whether any of the leave's pay periods starts between two dates."""
    return any(start <= period.start_date <= end for period in leave.periods)
