"""Hiring: one employee with everything a payroll knows of a person, the private part included."""

import unicodedata
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Address, Employee, Private
from simulator.payroll.names import FIRST, LAST, MIDDLE, ROLES
from simulator.payroll.rules import chance, digits

_EXTRAS = (
    ("salary_sacrifice", 0.15),
    ("additional_pension", 0.1),
    ("own_pension", 0.1),
    ("union", 0.25),
    ("giving", 0.1),
    ("on_call", 0.2),
    ("court_order", 0.06),
)
_COVERED_ABROAD = 5  # every fifth pays into a pension at home, so that Australia's guarantee is not due
_TITLES = {"F": "Ms", "M": "Mr"}


def hire(clinic: Clinic, rng: Random, calendar_id: str, start: date, now: datetime) -> Employee:
    """Add an employee to the clinic and return it."""
    number = len(clinic.employees)
    role = ROLES[number % len(ROLES)]
    first, gender = FIRST[(number * 7 + clinic.seed) % len(FIRST)]
    last = LAST[(number * 11 + clinic.seed // 7) % len(LAST)]
    salary = role.pay if role.pay_basis == "salary" else None
    rate = (role.pay / 52 / role.hours_per_week).quantize(Decimal("0.0001")) if salary else role.pay
    practitioner = role.group == "Practitioners"
    employee = Employee(
        id=clinic.new_id("employee"),
        number=number + 1,
        title=_TITLES[gender],
        first_name=first,
        middle_names=MIDDLE[number % len(MIDDLE)],
        last_name=last,
        gender=gender,
        email=f"{_ascii(first)}.{_ascii(last) or 'staff'}.{number + 1}@clinic.example",
        job_title=role.title,
        classification="Health Professionals Award" if practitioner else None,
        basis=role.basis,
        pay_basis=role.pay_basis,
        annual_salary=salary,
        hourly_rate=rate,
        hours_per_week=role.hours_per_week,
        calendar_id=calendar_id,
        ordinary_rate_id=clinic.catalogue("ordinary").id,
        group=role.group if role.basis != "casual" else None,
        start_date=start,
        end_date=None,
        end_reason=None,
        keeps_timesheets=role.keeps_timesheets,
        student_loan=chance(rng, 0.3),
        extras=_extras(rng, number + 1),
        created_at=now,
        updated_at=now,
    )
    clinic.employees[employee.id] = employee
    clinic.private[employee.id] = _private(clinic, employee, rng)
    return employee


def _extras(rng: Random, number: int) -> tuple[str, ...]:
    chosen = [slug for slug, share in _EXTRAS if chance(rng, share)]
    return (*chosen, *(["covered_abroad"] if number % _COVERED_ABROAD == 0 else []))


def change_employee(clinic: Clinic, employee: Employee, now: datetime, **fields: object) -> Employee:
    """Replace some of an employee's fields."""
    changed = replace(employee, updated_at=now, **fields)  # type: ignore[arg-type]
    clinic.employees[employee.id] = changed
    return changed


def _private(clinic: Clinic, employee: Employee, rng: Random) -> Private:
    rules = clinic.rules
    city, region, postcode = rng.choice(rules.places)
    name = f"{employee.first_name} {employee.last_name}"
    accounts = [rules.bank_account(rng, name)]
    if employee.number % 5 == 0:
        accounts.append(rules.bank_account(rng, f"{employee.first_name} Savings"))
    return Private(
        employee_id=employee.id,
        tax_number=rules.tax_number(rng),
        date_of_birth=date(1956, 3, 1) + timedelta(days=rng.randrange(17_000)),  # some before 1970
        address=Address(
            line1=f"{rng.randint(1, 980)} {rng.choice(rules.streets)}",
            line2=f"Unit {rng.randint(1, 60)}" if chance(rng, 0.2) else None,
            city=city,
            region=region,
            postal_code=postcode,
            country=rules.country,
        ),
        phone=rules.phone(rng),
        mobile=digits(rng, "04## ### ###"),
        bank_accounts=tuple(accounts),
        pension_member_number=digits(rng, "M########"),
    )


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(c for c in plain if c.isalpha())
