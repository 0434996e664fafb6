"""Changes to employees and to the organisation's users."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from simulator.payroll.changes.registry import Described, Edit, change
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Calendar, Employee, Membership
from simulator.payroll.names import FIRST, LAST
from simulator.payroll.people import change_employee, hire

_ROLES = ("READONLY", "INVOICEONLY", "STANDARD", "CASHBOOKCLIENT")
_RAISE = Decimal("1.03")


def _active(clinic: Clinic) -> list[Employee]:
    return [employee for employee in clinic.employees.values() if not employee.end_date]


def _left(clinic: Clinic) -> list[Employee]:
    return [employee for employee in clinic.employees.values() if employee.end_date]


def _others(clinic: Clinic) -> list[Membership]:
    """Users without payroll access: what happens to them never ends a connection."""
    return [m for m in clinic.members.values() if not m.payroll_admin and m.role != "REMOVED"]


@change(lambda clinic: list(clinic.calendars.values()))
def new_employee(edit: Edit, calendar: Calendar) -> Described:
    """Hire somebody."""
    employee = hire(edit.clinic, edit.rng, calendar.id, calendar.start_date, edit.now)
    return {"employee_id": employee.id, "name": f"{employee.first_name} {employee.last_name}"}


@change(lambda clinic: _active(clinic)[1:])
def terminate_employee(edit: Edit, employee: Employee) -> Described:
    """End somebody's employment in the open period."""
    end = edit.clinic.calendars[employee.calendar_id].start_date + timedelta(edit.rng.randrange(5))
    reason = edit.rng.choice("VIRC")
    change_employee(edit.clinic, employee, edit.now, end_date=end, end_reason=reason)
    return {"employee_id": employee.id, "end_date": end}


@change(_left)
def rehire_employee(edit: Edit, employee: Employee) -> Described:
    """Take somebody back, with the same id or a new one, as the switch says."""
    start = edit.clinic.calendars[employee.calendar_id].start_date
    if edit.params.get("keeps_id", edit.settings.rehire_keeps_employee_id):
        back = change_employee(
            edit.clinic, employee, edit.now, start_date=start, end_date=None, end_reason=None
        )
    else:
        new = hire(edit.clinic, edit.rng, employee.calendar_id, start, edit.now)
        names = {"first_name": employee.first_name, "last_name": employee.last_name}
        back = change_employee(edit.clinic, new, edit.now, **names)
    return {"employee_id": back.id, "former_id": employee.id}


@change(_active)
def rename_employee(edit: Edit, employee: Employee) -> Described:
    """Somebody marries, or a name was misspelt."""
    name = edit.params.get("last_name") or edit.rng.choice([n for n in LAST if n != employee.last_name])
    change_employee(edit.clinic, employee, edit.now, last_name=name)
    return {"employee_id": employee.id, "last_name": name}


@change(_active)
def regroup_employee(edit: Edit, employee: Employee) -> Described:
    """Move somebody to another group, or out of all."""
    names = [None, *(option.name for option in edit.clinic.settings.employee_groups.options)]
    group = edit.rng.choice([name for name in names if name != employee.group])
    change_employee(edit.clinic, employee, edit.now, group=group)
    return {"employee_id": employee.id, "group": group}


@change(_active)
def raise_pay(edit: Edit, employee: Employee) -> Described:
    """Pay somebody three per cent more from the next run on."""
    salary = employee.annual_salary and (employee.annual_salary * _RAISE).quantize(Decimal("0.01"))
    rate = (employee.hourly_rate * _RAISE).quantize(Decimal("0.0001"))
    change_employee(edit.clinic, employee, edit.now, annual_salary=salary, hourly_rate=rate)
    return {"employee_id": employee.id, "hourly_rate": rate}


@change(lambda clinic: [clinic.organisation])
def add_user(edit: Edit, _: object) -> Described:
    """Give somebody a login to the organisation."""
    first, last = edit.rng.choice(FIRST)[0], edit.rng.choice(LAST)
    user_id = edit.clinic.new_id("user")
    edit.clinic.members[user_id] = Membership(
        user_id=user_id,
        email=f"{user_id[:8]}@clinic.example",
        first_name=first,
        last_name=last,
        role=edit.params.get("role") or edit.rng.choice(_ROLES),
        is_subscriber=False,
        payroll_admin=False,
        updated_at=edit.now,
    )
    return {"user_id": user_id}


@change(_others)
def remove_user(edit: Edit, member: Membership) -> Described:
    """Take a login away."""
    edit.clinic.members[member.user_id] = replace(member, role="REMOVED", updated_at=edit.now)
    return {"user_id": member.user_id}


@change(_others)
def change_user_role(edit: Edit, member: Membership) -> Described:
    """Give a user another role."""
    role = edit.params.get("role") or edit.rng.choice([r for r in _ROLES if r != member.role])
    edit.clinic.members[member.user_id] = replace(member, role=role, updated_at=edit.now)
    return {"user_id": member.user_id, "role": role}
