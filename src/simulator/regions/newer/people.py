"""What belongs to an employee, as NZ and the UK both show it: leave, salary, pay template."""

from decimal import Decimal

from simulator.api.endpoint import Call, NotFound
from simulator.identifiers import identifier
from simulator.payroll.absences import balances
from simulator.payroll.model import Employee, Leave
from simulator.regions.wire import Row, iso_date, iso_instant

_PERIOD = {"scheduled": "Approved", "processed": "Completed"}


def leave(value: Leave) -> Row:
    """Leave that is approved or taken; requests are not shown."""
    return {
        "leaveID": value.id,
        "leaveTypeID": value.leave_type_id,
        "description": value.title,
        "startDate": iso_date(value.start_date),
        "endDate": iso_date(value.end_date),
        "periods": leave_periods(value),
        "updatedDateUTC": iso_instant(value.updated_at),
    }


def leave_periods(value: Leave) -> list[Row]:
    """A leave's pay periods."""
    return [
        {
            "periodStartDate": iso_date(period.start_date),
            "periodEndDate": iso_date(period.end_date),
            "numberOfUnits": period.units,
            "periodStatus": _PERIOD[period.status],
        }
        for period in value.periods
    ]


def leave_of(call: Call, employee: Employee) -> list[Leave]:
    """An employee's leave that the API shows."""
    return [
        value
        for value in call.clinic.leave.values()
        if value.employee_id == employee.id and all(p.status in _PERIOD for p in value.periods)
    ]


def leave_balances(call: Call, employee: Employee) -> list[Row]:
    """What is left of each leave type."""
    return [
        {
            "name": value.name,
            "leaveTypeID": value.leave_type_id,
            "balance": value.units,
            "typeOfUnits": value.type_of_units,
        }
        for value in balances(call.clinic, employee)
    ]


def salary_and_wages(employee: Employee) -> list[Row]:
    """What an employee earns by contract."""
    salaried = employee.pay_basis == "salary"
    return [
        {
            "salaryAndWagesID": identifier(employee.id, "salary"),
            "earningsRateID": employee.ordinary_rate_id,
            "numberOfUnitsPerWeek": employee.hours_per_week,
            "ratePerUnit": None if salaried else employee.hourly_rate,
            "numberOfUnitsPerDay": employee.hours_per_week / 5,
            "daysPerWeek": Decimal(5),
            "effectiveFrom": iso_date(employee.start_date),
            "annualSalary": employee.annual_salary or Decimal("0.00"),
            "status": "Active",
            "paymentType": "Salary" if salaried else "Hourly",
        }
    ]


def salary_by_id(call: Call, employee: Employee) -> list[Row]:
    """The one salary record whose id is the path's second."""
    rows = [row for row in salary_and_wages(employee) if row["salaryAndWagesID"] == call.ids[1].lower()]
    if not rows:
        raise NotFound
    return rows


def pay_template(_: Call, employee: Employee) -> Row:
    """What an employee is paid each period unless told otherwise."""
    line = {
        "payTemplateEarningID": identifier(employee.id, "template"),
        "ratePerUnit": employee.hourly_rate,
        "numberOfUnits": employee.hours_per_week,
        "fixedAmount": None,
        "earningsRateID": employee.ordinary_rate_id,
        "name": "Ordinary Hours",
    }
    return {"employeeID": employee.id, "earningTemplates": [line]}
