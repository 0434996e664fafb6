"""Making plausible leave applications, and what is left of each sort of leave."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, Employee, Leave, LeaveBalance, LeavePeriod
from simulator.payroll.payslips import ACCRUALS
from simulator.payroll.rules import chance

OPENING = Decimal("20.0000")
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


def balances(clinic: Clinic, employee: Employee) -> list[LeaveBalance]:
    """What an employee has left of each leave type; casual staff earn no leave."""
    if employee.basis == "casual":
        return []
    runs = _runs_of(clinic, employee)
    found = []
    for slug, share in ACCRUALS.items():
        leave_type = clinic.catalogue(slug)
        earned = (employee.hours_per_week * 2 * share).quantize(Decimal("0.0001")) * runs
        found.append(
            LeaveBalance(
                employee_id=employee.id,
                leave_type_id=leave_type.id,
                name=leave_type.name,
                units=OPENING + earned - _taken(clinic, employee, leave_type.id),
                type_of_units="Hours",
            )
        )
    return found


def _runs_of(clinic: Clinic, employee: Employee) -> int:
    """How many posted runs have given the employee leave."""
    return sum(
        1
        for run in clinic.runs.values()
        if run.status == "posted"
        and run.type == "scheduled"
        and run.calendar_id == employee.calendar_id
        and employee.works_in(run.period_start, run.period_end)
    )


def _taken(clinic: Clinic, employee: Employee, leave_type_id: str) -> Decimal:
    periods = (
        period
        for leave in clinic.leave.values()
        if leave.employee_id == employee.id and leave.leave_type_id == leave_type_id
        for period in leave.periods
    )
    return sum((one.units for one in periods if one.status == "processed"), Decimal(0))


def overlaps(leave: Leave, start: date, end: date) -> bool:
    """Whether any of the leave's pay periods starts between two dates."""
    return any(start <= period.start_date <= end for period in leave.periods)
