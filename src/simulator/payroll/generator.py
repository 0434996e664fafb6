"""A realistic clinic from a seed: people, calendars, years of pay runs, leave, timesheets."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

import msgspec

from simulator.identifiers import identifier
from simulator.payroll.absences import make_leave
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import (
    Account,
    Calendar,
    Employee,
    Organisation,
    PayItem,
    PayrollSettings,
    TrackingCategory,
    TrackingOption,
)
from simulator.payroll.names import PLACES, SPECIALTIES
from simulator.payroll.pay import Adjustment
from simulator.payroll.payslips import Catalogue
from simulator.payroll.people import change_employee, hire
from simulator.payroll.periods import PERIODS_PER_YEAR, period_end, periods_before
from simulator.payroll.rules import Rules, chance, digits
from simulator.payroll.runs import PAY_AFTER, moved, open_extra_run, open_run, post_run
from simulator.payroll.timesheets import make_timesheet

Frequency = Literal["weekly", "fortnightly", "four_weekly", "twice_monthly", "monthly", "quarterly"]


class ClinicOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to make; with `turnover`, `drafts` and `leave` off and `timesheets` all, counts are exact."""

    region: Literal["AU", "NZ", "UK", "US"] = "AU"
    name: str | None = None
    seed: int | None = None
    staff: int = 12  # employed at the end
    terminated: int = 2  # left during the history
    calendars: tuple[Frequency, ...] = ("fortnightly",)
    runs: int = 26  # posted scheduled runs for each calendar
    years: float | None = None  # instead of `runs`
    timesheets: Literal["none", "some", "all"] = "some"
    leave: bool = True
    drafts: bool = True
    unscheduled: int = 2
    turnover: bool = True
    payroll: Literal["active", "not_set_up"] = "active"
    is_demo: bool = False
    as_of: date | None = None  # the clock's today
    users: tuple[str, ...] = ()  # existing users who are to be members; three are made otherwise


def generate(options: ClinicOptions, rules: Rules, seed: int, now: datetime) -> Clinic:
    """Build the clinic; the same arguments give the same clinic."""
    rng = Random(f"clinic:{seed}")
    today = options.as_of or now.date()
    clinic = Clinic(_organisation(options, rules, rng, seed, today), rules, seed)
    fund = rules.bank_account(rng, "fund")
    clinic.secrets = {
        "fund_branch": fund.branch or "",
        "fund_account": fund.number,
        "tax_number": rules.business_number(rng),
        "api_key": identifier(seed, "api key").replace("-", "").upper(),
    }
    opened = clinic.organisation.created_at
    clinic.catalogue = Catalogue(_items(rules, seed, opened))
    clinic.settings = _settings(rules, seed)
    if options.payroll == "active":
        _History(clinic, options, rng, now).write(today)
    return clinic


class _History:
    """Writes the past, period by period."""

    def __init__(self, clinic: Clinic, options: ClinicOptions, rng: Random, now: datetime) -> None:
        self.clinic, self.options, self.rng = clinic, options, rng
        self.latest = now.replace(microsecond=0) - timedelta(hours=1)

    def write(self, today: date) -> None:
        periods = {}
        for number, frequency in enumerate(self.options.calendars):
            count = self.options.runs
            if self.options.years is not None:
                count = round(self.options.years * PERIODS_PER_YEAR[frequency])
            found = periods_before(frequency, today, count)
            start = found[0][0] if found else today
            periods[self._calendar(number, frequency, start)] = found
        self._staff(periods, today)
        for calendar_id, found in periods.items():
            extra = self._extra_runs(len(found))
            for number, (_, end) in enumerate(found):
                self._run(calendar_id, end)
                if number in extra:
                    self._unscheduled(calendar_id, end)
            self._present(calendar_id)

    def _calendar(self, number: int, frequency: str, start: date) -> str:
        calendar_id = self.clinic.new_id("calendar")
        end = period_end(frequency, start)
        self.clinic.calendars[calendar_id] = Calendar(
            id=calendar_id,
            name=f"{frequency.replace('_', '-').capitalize()} {number + 1}" if number else "Clinic staff",
            frequency=frequency,
            start_date=start,
            end_date=end,
            payment_date=end + PAY_AFTER,
            reference_date=start,
            updated_at=self._at(start),
        )
        return calendar_id

    def _staff(self, periods: dict[str, list[tuple[date, date]]], today: date) -> None:
        options, rng = self.options, self.rng
        calendars = list(periods)
        for number in range(options.staff + options.terminated):
            calendar_id = calendars[number % len(calendars)]
            first = periods[calendar_id][0][0] if periods[calendar_id] else today
            length = (today - first).days
            start = first - timedelta(days=rng.randint(30, 2000))
            leaves = number >= options.staff
            if options.turnover and not leaves and chance(rng, 0.25):
                start = first + timedelta(days=rng.randint(0, max(length * 3 // 4, 1)))
            hired = self._at(start)
            employee = hire(self.clinic, rng, calendar_id, start, hired)
            sheets = {"none": False, "some": employee.keeps_timesheets, "all": True}[options.timesheets]
            employee = change_employee(self.clinic, employee, hired, keeps_timesheets=sheets)
            if leaves:
                end = first + timedelta(days=rng.randint(length // 4, max(length - 14, length // 4)))
                reason = rng.choice("VVIRC")
                change_employee(self.clinic, employee, self._at(end), end_date=end, end_reason=reason)

    def _run(self, calendar_id: str, end: date) -> None:
        calendar, posted = self.clinic.calendars[calendar_id], self._at(end + timedelta(1))
        for employee in self._employed(calendar):
            if employee.keeps_timesheets:
                make_timesheet(self.clinic, employee, calendar, self.rng, status="approved", now=posted)
            if self.options.leave and employee.basis != "casual" and chance(self.rng, 0.08):
                make_leave(self.clinic, employee, calendar, self.rng, status="scheduled", now=posted)
        post_run(self.clinic, open_run(self.clinic, calendar, posted), posted)

    def _extra_runs(self, periods: int) -> set[int]:
        if not periods:
            return set()
        return set(self.rng.sample(range(periods), min(self.options.unscheduled, periods)))

    def _unscheduled(self, calendar_id: str, end: date) -> None:
        """Back pay for one, and a reversal for another: negative amounts are part of life."""
        calendar = self.clinic.calendars[calendar_id]
        employees = self.clinic.employees.values()
        staff = [e for e in employees if e.calendar_id == calendar_id and e.start_date <= end]
        chosen = self.rng.sample(staff, min(2, len(staff)))
        amounts = [
            Decimal(self.rng.randint(10_000, 150_000)) / 100,
            Decimal(self.rng.randint(-40_000, -900)) / 100,
        ]
        kinds = ("bonus", "correction")
        paid = [
            (employee, (Adjustment(kind, amount.quantize(Decimal("0.01"))),))
            for employee, kind, amount in zip(chosen, kinds, amounts, strict=False)
        ]
        posted = self._at(end + timedelta(2))
        post_run(self.clinic, open_extra_run(self.clinic, calendar, paid, posted), posted)

    def _present(self, calendar_id: str) -> None:
        """The open period: a draft run, timesheets in every state, leave still to come."""
        calendar = self.clinic.calendars[calendar_id]
        staff = self._employed(calendar)
        if self.options.drafts:
            for employee in staff:
                if employee.keeps_timesheets:
                    make_timesheet(
                        self.clinic, employee, calendar, self.rng, status="approved", now=self.latest
                    )
            open_run(self.clinic, calendar, self.latest)
            following = self.clinic.calendars[calendar_id]
            states = ("draft", "requested", "rejected")
            keeping = [e for e in staff if e.keeps_timesheets]
            for employee, state in zip(keeping, states, strict=False):
                make_timesheet(self.clinic, employee, following, self.rng, status=state, now=self.latest)
        if self.options.leave:
            later = moved(calendar, calendar.end_date + timedelta(1), self.latest)
            for employee, state in zip(staff, ("scheduled", "requested", "rejected"), strict=False):
                make_leave(self.clinic, employee, later, self.rng, status=state, now=self.latest)

    def _employed(self, calendar: Calendar) -> list[Employee]:
        return [
            employee
            for employee in self.clinic.employees.values()
            if employee.calendar_id == calendar.id
            and employee.works_in(calendar.start_date, calendar.end_date)
        ]

    def _at(self, day: date) -> datetime:
        """Some second of a working day, never in the future."""
        moment = datetime.combine(day, time(1), UTC) + timedelta(seconds=self.rng.randrange(18_000))
        return min(moment, self.latest)


def _organisation(options: ClinicOptions, rules: Rules, rng: Random, seed: int, today: date) -> Organisation:
    name = options.name or f"{rng.choice(PLACES)} {rng.choice(SPECIALTIES)}"
    day, month = rules.financial_year_end
    created = datetime.combine(today - timedelta(days=rng.randint(2_000, 4_000)), time(2), UTC)
    return Organisation(
        id=identifier(seed, "organisation"),
        name=name,
        legal_name=f"{name} Pty Ltd" if rules.region == "AU" else f"{name} Limited",
        region=options.region,
        country_code=rules.country_code if options.region == rules.region else options.region,
        currency=rules.currency,
        timezone=rng.choice(rules.timezones),
        entity_type="COMPANY",
        plan="DEMO" if options.is_demo else "GROW",
        short_code="!" + digits(rng, "#####"),
        financial_year_end_day=day,
        financial_year_end_month=month,
        is_demo=options.is_demo,
        status="ACTIVE",
        created_at=created,
        payroll=options.payroll if options.region == rules.region else "not_set_up",
    )


def _items(rules: Rules, seed: int, now: datetime) -> list[PayItem]:
    return [
        PayItem(
            id=identifier(seed, "item", spec.slug),
            slug=spec.slug,
            kind=spec.kind,
            name=spec.name,
            category=spec.category,
            rate_type=spec.rate_type,
            rate=spec.rate,
            units=spec.units,
            account_code=spec.account_code,
            is_paid=spec.is_paid,
            current=spec.current,
            updated_at=now,
        )
        for spec in rules.catalogue
    ]


def _settings(rules: Rules, seed: int) -> PayrollSettings:
    def category(name: str, *options: str) -> TrackingCategory:
        return TrackingCategory(
            id=identifier(seed, "category", name),
            name=name,
            options=tuple(TrackingOption(id=identifier(seed, name, o), name=o) for o in options),
        )

    return PayrollSettings(
        accounts=tuple(
            Account(id=identifier(seed, "account", code), type=kind, code=code, name=name)
            for kind, code, name in rules.accounts
        ),
        employee_groups=category("Team", "Practitioners", "Reception", "Administration"),
        timesheet_categories=category("Location", "Main rooms", "Telehealth", "Home visits"),
        days_in_payroll_year=365,
        employees_are_stp2=True,
    )


def with_organisation(clinic: Clinic, **fields: object) -> None:
    """Replace some of the organisation's fields."""
    clinic.organisation = replace(clinic.organisation, **fields)  # type: ignore[arg-type]
