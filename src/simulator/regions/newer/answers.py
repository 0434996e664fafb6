"""Lists with pages, single records, and the few filters the newer API knows."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from simulator.api.endpoint import PAGE_SIZE, Call, Document, NotFound, found, page_number
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Employee, PayItem
from simulator.regions.wire import Row

Answer = Callable[[Call], Document]
Pair = tuple[Answer, Answer]


def single(key: str, row: Any) -> Document:
    """A record by itself, without pages."""
    return {"pagination": None, "problem": None, key: row}


def paged(call: Call, key: str, items: Iterable[Any], render: Callable[[Any], Row]) -> Document:
    """One page of a list, and how many there are."""
    rows, page = list(items), page_number(call.query)
    pagination = {
        "page": page,
        "pageSize": PAGE_SIZE,
        "pageCount": math.ceil(len(rows) / PAGE_SIZE),
        "itemCount": len(rows),
    }
    shown = rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return {"pagination": pagination, "problem": None, key: [render(row) for row in shown]}


def filtered(call: Call, fields: dict[str, Callable[[Any], str]], items: Iterable[Any]) -> list[Any]:
    """Those that fit the `filter` parameter, such as `employeeId==…,payrollCalendarId==…`."""
    chosen = list(items)
    for condition in filter(None, call.query.get("filter", "").split(",")):
        name, _, value = condition.partition("==")
        if name in fields:
            chosen = [item for item in chosen if fields[name](item).lower() == value.lower()]
    return chosen


def pay_items(kind: str, many: str, one: str, render: Callable[[Clinic, PayItem], Row]) -> Pair:
    """The pay items of a kind: all of them, and each."""

    def listed(call: Call) -> Document:
        items = [item for item in call.clinic.catalogue.items.values() if item.kind == kind]
        return paged(call, many, items, lambda item: render(call.clinic, item))

    def alone(call: Call) -> Document:
        item: PayItem = found(call.clinic.catalogue.items, call.ids[0])
        if item.kind != kind:
            raise NotFound
        return single(one, render(call.clinic, item))

    return listed, alone


def of_employee(key: str, render: Callable[[Call, Employee], Any]) -> Answer:
    """Something that belongs to one employee."""
    return lambda call: single(key, render(call, found(call.clinic.employees, call.ids[0])))


def listed_of_employee(key: str, render: Callable[[Call, Employee], list[Row]]) -> Answer:
    """A list that belongs to one employee, with pages."""

    def answer(call: Call) -> Document:
        return paged(call, key, render(call, found(call.clinic.employees, call.ids[0])), lambda row: row)

    return answer
