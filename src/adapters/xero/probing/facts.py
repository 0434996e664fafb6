"""What is asked everywhere: of the gateway, the token, the connections and the users."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from adapters.xero.probing.asker import Asker, Said
from domain.model.connection import Region

Find = Callable[[Asker], Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """
    Something that this service takes for true and could not read in Xero's documentation.

    `find` gives what Xero does, without any value of the organisation; None where that cannot be told.
    """

    name: str
    question: str
    assumed: Any
    find: Find


CLAIMS = ("authentication_event_id", "scope", "xero_userid")
FOREIGN = {
    Region.AU: "/payroll.xro/2.0/Employees",
    Region.NZ: "/payroll.xro/1.0/Employees",
    Region.UK: "/payroll.xro/1.0/Employees",
}
"""A list that only another region's payroll has."""


def compressed(asker: Asker) -> bool:
    """Whether a payroll answer was compressed on its way."""
    return asker.payroll("Settings").headers.get("content-encoding") == "gzip"


def limits(asker: Asker) -> list[str]:
    """Which limits an answer speaks of."""
    return sorted(
        name for name in asker.payroll("Settings").headers if name.startswith("x-") and "limit" in name
    )


def correlation(asker: Asker) -> bool:
    """Whether an answer bears the id that Xero's support asks for."""
    return "xero-correlation-id" in asker.payroll("Settings").headers


def claims(asker: Asker) -> list[str]:
    """Which of the claims that are used are in the access token."""
    return [name for name in CLAIMS if name in _payload(asker)]


def lists_the_user(asker: Asker) -> bool | None:
    """Whether the user who consented is one of the organisation's users, under the same id."""
    user = _payload(asker).get("xero_userid")
    users = asker.accounting("Users").records("Users")
    return any(one.get("UserID") == user for one in users) if user and users else None


def names_the_consent(asker: Asker) -> bool | None:
    """Whether the connection bears the id of the consent that the token came from."""
    wanted = _payload(asker).get("authentication_event_id")
    links = asker.get("/connections").records()
    mine = [one for one in links if one.get("tenantId") == asker.tenant.id]
    return any(one.get("authEventId") == wanted for one in mine) if wanted and mine else None


def no_such_record(asker: Asker) -> int:
    """The status for an employee that there is not."""
    return asker.payroll(f"Employees/{uuid4()}").status


def elsewhere(asker: Asker) -> int:
    """The status where another region's payroll is asked for."""
    return asker.get(FOREIGN[asker.tenant.region]).status


def _payload(asker: Asker) -> dict[str, Any]:
    """What the access token says; it came from Xero itself, so it is not verified."""
    try:
        part = asker.access.token.reveal().split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def fields_of(said: Said, *path: str) -> set[str]:
    """Every field that any record of a list has with a value."""
    return {name for one in said.records(*path) for name, value in one.items() if value is not None}


EVERYWHERE: Sequence[Fact] = (
    Fact("gzip", "Are answers compressed where gzip is accepted?", True, compressed),
    Fact(
        "limit-headers",
        "Which limits does an answer speak of?",
        ["x-appminlimit-remaining", "x-daylimit-remaining", "x-minlimit-remaining"],
        limits,
    ),
    Fact("correlation-id", "Does an answer bear a correlation id?", True, correlation),
    Fact("claims", "Which claims does the access token have?", list(CLAIMS), claims),
    Fact("user-id", "Is the consenting user among Users, under the same id?", True, lists_the_user),
    Fact("consent-id", "Does the connection bear the consent's id?", True, names_the_consent),
    Fact("no-such-record", "Which status has a record that there is not?", 404, no_such_record),
    Fact("other-region", "Which status has another region's payroll?", 404, elsewhere),
)
