"""How a kind of change is declared: what it can happen to, and what it does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from simulator.payroll.clinic import Clinic
from simulator.settings import Settings

Described = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change in the making: `params` are the caller's wishes, `rng` decides what they leave open."""

    clinic: Clinic
    rng: Random
    now: datetime
    settings: Settings
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change."""

    targets: Callable[[Clinic], Sequence[Any]]
    apply: Callable[[Edit, Any], Described]


CHANGES: dict[str, Change] = {}


def change(
    targets: Callable[[Clinic], Sequence[Any]],
) -> Callable[[Callable[[Edit, Any], Described]], Callable[[Edit, Any], Described]]:
    """Declare a function as the kind of change it is named for; it can happen to any of `targets`."""

    def declare(apply: Callable[[Edit, Any], Described]) -> Callable[[Edit, Any], Described]:
        CHANGES[apply.__name__] = Change(targets, apply)
        return apply

    return declare
