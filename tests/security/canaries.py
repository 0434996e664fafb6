"""What must be found nowhere: values that occur only once in the world, and every way to spell them."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import quote, quote_plus

from simulator.client import CLIENT_SECRET
from simulator.payroll.clinic import Clinic
from simulator.payroll.model import Address, BankAccount
from simulator.world import World

NAME = "Zo\u00eb-Can\u00e1rova O'Qx81kZ"
"""A last name: that of an employee may be in the employees' table, and nowhere else."""

PRIVATE = {
    "tfn": "714925638",
    "bsb": "QX-731-946",
    "account": "908172635",
    "account name": "Qanary Saverwell",
    "address": "17 Qanarie Crescent",
    "place": "Upper Qanarville",
    "birth date": "1931-07-19",
    "birth date in milliseconds": "-1213574400000",
    "phone": "0499 731 946",
    "mobile": "0488 137 649",
    "member": "M73194625",
}
"""What is in no field that this service reads."""


def plant(clinic: Clinic) -> None:
    """Give everybody who works there the private values above, and one of them the name."""
    first = next(iter(clinic.employees))
    clinic.employees[first] = replace(clinic.employees[first], last_name=NAME)
    account = BankAccount(name=PRIVATE["account name"], branch=PRIVATE["bsb"], number=PRIVATE["account"])
    for employee_id, private in clinic.private.items():
        clinic.private[employee_id] = replace(
            private,
            tax_number=PRIVATE["tfn"],
            date_of_birth=date.fromisoformat(PRIVATE["birth date"]),
            address=Address(
                line1=PRIVATE["address"],
                line2=None,
                city=PRIVATE["place"],
                region=None,
                postal_code="2000",
                country="AUSTRALIA",
            ),
            phone=PRIVATE["phone"],
            mobile=PRIVATE["mobile"],
            bank_accounts=(account,),
            pension_member_number=PRIVATE["member"],
        )


def tokens(world: World) -> dict[str, str]:
    """Every token that Xero has ever given, and the application's own secret."""
    families = list(world.identity.tokens.families.values())
    refresh = [token for family in families for token in family.tokens]
    found = {f"refresh token {number}": token for number, token in enumerate(refresh)}
    found |= {f"access token {number}": token for number, token in enumerate(world.identity.access)}
    return {**found, "client secret": CLIENT_SECRET}


@dataclass(frozen=True, slots=True)
class Hit:
    """A canary that was found, and where; not what it is."""

    surface: str
    canary: str


@dataclass
class Sweep:
    """Looks for every spelling of every canary; `allowed` are surfaces that a canary may be on."""

    canaries: Mapping[str, str]
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spellings = {name: spellings(value) for name, value in self.canaries.items()}

    def hits(self, surfaces: Mapping[str, str]) -> list[Hit]:
        """Where anything is that should not be."""
        return [
            Hit(surface, name)
            for surface, text in surfaces.items()
            for name, spelled in self._spellings.items()
            if surface not in self.allowed.get(name, ()) and _is_in(text, spelled)
        ]


def _is_in(text: str, spelled: Iterable[str]) -> bool:
    return any(one in text for one in spelled)


def spellings(value: str) -> set[str]:
    """Plain, hex, URL- and JSON-escaped, and base64 at any of its three alignments."""
    raw = value.encode()
    return {
        value,
        raw.hex(),
        raw.hex().upper(),
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        *(_inner_base64(raw, shift, url_safe=safe) for shift in range(3) for safe in (False, True)),
    }


def _inner_base64(raw: bytes, shift: int, *, url_safe: bool) -> str:
    """What of a value shows in base64 whatever stands before and after it."""
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    encoded = encode(bytes(shift) + raw).decode()
    return encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
