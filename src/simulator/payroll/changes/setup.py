"""Changes to pay items, calendars, settings and the organisation."""

from dataclasses import replace
from typing import Any

from simulator.payroll.changes.registry import Described, Edit, change
from simulator.payroll.clinic import Clinic
from simulator.payroll.generator import with_organisation
from simulator.payroll.model import Calendar, PayItem

_IN_USE = frozenset(
    {"ordinary", "overtime", "on_call", "bonus", "correction", "travel", "union", "giving"}
    | {"annual_leave", "sick_leave", "unpaid_leave"}
)
_NAMES = ("Late Clinic Allowance", "Supervision Allowance", "Tool Allowance", "Language Allowance")


def _retirable(clinic: Clinic) -> list[PayItem]:
    items = clinic.catalogue.items.values()
    return [i for i in items if i.current and i.kind == "earnings" and i.slug not in _IN_USE]


@change(lambda clinic: [clinic.organisation])
def new_pay_item(edit: Edit, _: object) -> Described:
    """An allowance is agreed."""
    clinic = edit.clinic
    model = clinic.catalogue("on_call")
    number = len(clinic.catalogue.items)
    item = replace(
        model,
        id=clinic.new_id("item"),
        slug=f"allowance_{number}",
        name=f"{edit.rng.choice(_NAMES)} {number}",
        updated_at=edit.now,
    )
    clinic.catalogue.items[item.id] = item
    return {"pay_item_id": item.id, "name": item.name}


@change(_retirable)
def retire_pay_item(edit: Edit, item: PayItem) -> Described:
    """A pay item is no longer current."""
    edit.clinic.catalogue.items[item.id] = replace(item, current=False, updated_at=edit.now)
    return {"pay_item_id": item.id}


@change(lambda clinic: list(clinic.calendars.values()))
def change_calendar(edit: Edit, calendar: Calendar) -> Described:
    """A calendar gets another name."""
    name = f"{calendar.name.partition(' (')[0]} ({edit.rng.randint(2, 99)})"
    edit.clinic.calendars[calendar.id] = replace(calendar, name=name, updated_at=edit.now)
    return {"calendar_id": calendar.id, "name": name}


@change(lambda clinic: [clinic.organisation])
def change_organisation(edit: Edit, _: object) -> Described:
    """Another name, time zone or end of the financial year; no stamp tells of it."""
    clinic, rng = edit.clinic, edit.rng
    options: list[dict[str, object]] = [
        {"name": f"{clinic.organisation.name.partition(' &')[0]} & Partners {rng.randint(2, 99)}"},
        {"timezone": rng.choice(clinic.rules.timezones)},
        {"financial_year_end_month": rng.randint(1, 12), "financial_year_end_day": 28},
    ]
    fields = rng.choice(options)
    with_organisation(clinic, **fields)
    return fields


@change(lambda clinic: [clinic.organisation])
def change_settings(edit: Edit, _: object) -> Described:
    """Another payroll year, or another name for a tracking category or an account; no stamp tells of it."""
    settings, number = edit.clinic.settings, edit.rng.randint(2, 99)
    category = replace(settings.timesheet_categories, name=f"Location {number}")
    first, *others = settings.accounts
    account = replace(first, name=f"{first.name.partition(' (')[0]} ({number})")
    options: list[tuple[dict[str, Any], Described]] = [
        (days := {"days_in_payroll_year": 731 - settings.days_in_payroll_year}, days),  # 365 and 366
        ({"timesheet_categories": category}, {"timesheet_category": category.name}),
        ({"accounts": (account, *others)}, {"account": account.name}),
    ]
    changes, described = edit.rng.choice(options)
    edit.clinic.settings = replace(settings, **changes)
    return described
