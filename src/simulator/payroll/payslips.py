"""Calculating one payslip from its entry: a pure function, so nothing needs to be stored."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from simulator.payroll.model import CENT, ZERO, Employee, PayItem, Timesheet, cents
from simulator.payroll.pay import Entry, Line, PayRun, Payslip, Totals
from simulator.payroll.periods import PERIODS_PER_YEAR
from simulator.payroll.rules import Pay, Rules, chance

_PRECISE = Decimal("0.0001")
_EARNING = ("earnings", "leave", "timesheet")
_OTHERS = ("deduction", "reimbursement", "pension", "employee_tax", "employer_tax", "statutory")
_SECTIONS = (*_EARNING, *_OTHERS)
_EMPLOYER_PAYS = ("employer", "additional")
_ADJUSTMENTS = {
    "bonus": ("earnings", "bonus"),
    "correction": ("earnings", "correction"),
    "reimbursement": ("reimbursement", "travel"),
    "deduction": ("deduction", "union"),
}
_OVERTIME = Decimal("1.5")
ACCRUALS = {"annual_leave": Decimal("0.076923"), "sick_leave": Decimal("0.038462")}


class Catalogue:
    """An organisation's pay items, by id and by slug."""

    def __init__(self, items: list[PayItem]) -> None:
        self.items = {item.id: item for item in items}
        self._slugs = {item.slug: item.id for item in items}

    def __call__(self, slug: str) -> PayItem:
        """The pay item that the region's catalogue calls `slug`."""
        return self.items[self._slugs[slug]]


def calculate(run: PayRun, entry: Entry, rules: Rules, item: Catalogue, seed: int) -> Payslip:
    """The payslip of `entry`; the same arguments always give the same payslip."""
    rng = Random(f"{seed}:{entry.payslip_id}")
    lines = list(_adjusted(entry, item))
    if run.type == "scheduled":
        worked = list(_worked(run, entry, item, rng))
        if rules.casual_holiday_pay and entry.employee.basis == "casual":
            worked.append(_holiday_pay(worked, rules.casual_holiday_pay, item("holiday_pay")))
        lines = [*worked, *_sundries(entry.employee, item, rng), *lines]
    earnings = [line for line in lines if line.section in _EARNING]
    pay = Pay(
        employee=entry.employee,
        frequency=run.frequency,
        payment_date=run.payment_date,
        earnings=sum((line.amount or ZERO for line in earnings), ZERO),
        pensionable=sum((line.amount or ZERO for line in earnings if line.kind != "overtime"), ZERO),
        item=item,
    )
    lines += rules.withhold(pay)
    lines += _accruals(entry.employee, earnings, item)
    return Payslip(
        id=entry.payslip_id,
        pay_run_id=run.id,
        employee_id=entry.employee.id,
        first_name=entry.employee.first_name,
        last_name=entry.employee.last_name,
        group=entry.employee.group,
        updated_at=entry.updated_at,
        totals=totals(lines),
        lines=tuple(lines),
    )


def totals(lines: list[Line]) -> Totals:
    """What a payslip's lines come to."""
    sums = dict.fromkeys(_SECTIONS, ZERO)
    employee_pension = ZERO
    for line in lines:
        if line.amount is not None:
            sums[line.section] += line.amount
            if line.section == "pension" and line.kind not in _EMPLOYER_PAYS:
                employee_pension += line.amount
    earnings = sums["earnings"] + sums["leave"] + sums["timesheet"]
    taken = sums["deduction"] + sums["employee_tax"] + sums["statutory"] + employee_pension
    return Totals(
        earnings=earnings,
        deductions=sums["deduction"],
        employee_tax=sums["employee_tax"],
        employer_tax=sums["employer_tax"],
        statutory=sums["statutory"],
        pension=sums["pension"],
        employee_pension=employee_pension,
        reimbursements=sums["reimbursement"],
        net=earnings - taken,
    )


def earning(section: str, kind: str, item: PayItem, units: Decimal, rate: Decimal) -> Line:
    """Units at a rate; the amount is rounded to the cent as the payslip shows it."""
    return Line(
        section=section,
        kind=kind,
        item_id=item.id,
        name=item.name,
        units=units,
        rate=rate,
        amount=cents(units * rate),
    )


def _worked(run: PayRun, entry: Entry, item: Catalogue, rng: Random) -> Iterator[Line]:
    employee, ordinary = entry.employee, item("ordinary")
    normal = (employee.hours_per_week * 52 / PERIODS_PER_YEAR[run.frequency]).quantize(_PRECISE)
    rate = employee.hourly_rate
    taken = ZERO
    for leave in entry.leave:
        leave_type = item.items[leave.leave_type_id]
        for period in leave.periods:
            if run.period_start <= period.start_date <= run.period_end:
                taken += period.units
                kind = "cashed_out" if leave.cashed_out else leave_type.slug
                paid = rate if leave_type.is_paid else ZERO
                yield earning("leave", kind, ordinary, period.units, paid)
    if entry.timesheet is not None:
        yield from _timesheet(entry.timesheet, item, rate)
    elif employee.pay_basis == "salary":
        yield earning("earnings", "ordinary", ordinary, max(normal - taken, ZERO), rate)
    else:
        hours = normal * rng.randint(70, 110) / 100 if employee.basis == "casual" else normal
        worked = max(hours.quantize(CENT) - taken, ZERO)
        yield earning("earnings", "ordinary", ordinary, worked, rate)
        if chance(rng, 0.15):
            overtime = Decimal(rng.randint(2, 16)) / 4
            higher = (rate * _OVERTIME).quantize(_PRECISE)
            yield earning("earnings", "overtime", item("overtime"), overtime, higher)


def _holiday_pay(worked: list[Line], share: Decimal, item: PayItem) -> Line:
    earned = sum((line.amount or ZERO for line in worked), ZERO)
    return _fixed("leave", "holiday_pay", item, cents(earned * share))


def _timesheet(timesheet: Timesheet, item: Catalogue, rate: Decimal) -> Iterator[Line]:
    hours: dict[str, Decimal] = {}
    for line in timesheet.lines:
        hours[line.earnings_rate_id] = hours.get(line.earnings_rate_id, ZERO) + sum(line.hours, ZERO)
    for rate_id, units in hours.items():
        rate_item = item.items[rate_id]
        multiple = _OVERTIME if rate_item.slug == "overtime" else Decimal(1)
        kind = "overtime" if rate_item.slug == "overtime" else "ordinary"
        yield earning("timesheet", kind, rate_item, units, (rate * multiple).quantize(_PRECISE))


def _sundries(employee: Employee, item: Catalogue, rng: Random) -> Iterator[Line]:
    if "on_call" in employee.extras:
        yield _fixed("earnings", "allowance", item("on_call"), Decimal("45.00") * rng.randint(1, 3))
    for slug in ("union", "giving"):
        if slug in employee.extras:
            yield _fixed("deduction", slug, item(slug), item(slug).rate or Decimal("10.00"))
    if chance(rng, 0.2):
        amount = Decimal(rng.randint(500, 18_000)) / 100
        yield _fixed("reimbursement", "travel", item("travel"), cents(amount))


def _adjusted(entry: Entry, item: Catalogue) -> Iterator[Line]:
    for adjustment in entry.adjustments:
        section, slug = _ADJUSTMENTS[adjustment.kind]
        yield _fixed(section, adjustment.kind, item(slug), adjustment.amount)


def _accruals(employee: Employee, earnings: list[Line], item: Catalogue) -> Iterator[Line]:
    if employee.basis == "casual":
        return
    counted = [x for x in earnings if x.kind != "overtime" and x.rate != ZERO]
    hours = sum((line.units or ZERO for line in counted), ZERO)
    for slug, share in ACCRUALS.items():
        accrued = (hours * share).quantize(_PRECISE)
        leave_type = item(slug)
        yield Line(section="accrual", kind=slug, item_id=leave_type.id, name=leave_type.name, units=accrued)


def _fixed(section: str, kind: str, item: PayItem, amount: Decimal) -> Line:
    return Line(section=section, kind=kind, item_id=item.id, name=item.name, amount=amount)
