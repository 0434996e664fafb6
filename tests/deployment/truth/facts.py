"""What is compared: rows by their keys."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

Facts = dict[tuple[Any, ...], tuple[Any, ...]]
Fact = tuple[tuple[Any, ...], tuple[Any, ...]]


class Region(Protocol):
    """What a country's API shows in a way of its own."""

    @property
    def item_kinds(self) -> dict[str, str]: ...

    @property
    def leave_units(self) -> tuple[Any, ...]:
        """Of a leave's period: in what it is paid, how much is taken, and in what."""
        ...

    def settings(self, one: dict[str, Any]) -> tuple[Any, ...]: ...

    def employee(self, one: dict[str, Any]) -> tuple[Any, ...]: ...

    def totals(self, totals: dict[str, Any]) -> tuple[Any, ...]: ...

    def group(self, slip: dict[str, Any], /) -> str | None: ...

    def lines(self, slip: dict[str, Any]) -> list[Fact]: ...

    def sheet_status(self, status: str) -> str: ...

    def shows_leave(self, one: dict[str, Any]) -> bool: ...

    def leave_status(self, status: str) -> str: ...


def day(text: str | None) -> date | None:
    """A calendar date."""
    return date.fromisoformat(text) if text else None


def amount(text: str | None) -> Decimal | None:
    """An amount; 1.50 equals 1.5."""
    return Decimal(text) if text is not None else None


def names(values: list[dict[str, Any]], *, told: bool = True) -> tuple[tuple[str, str], ...]:
    """Ids and names, as far as names are told."""
    return tuple(sorted((one["id"], one["name"] if told else "") for one in values))


@dataclass
class Positions:
    """Numbers the lines of each kind from 0."""

    seen: dict[str, int]

    def next(self, kind: str) -> int:
        self.seen[kind] = self.seen.get(kind, -1) + 1
        return self.seen[kind]
