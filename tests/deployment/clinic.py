"""What tests do with a clinic, over and over."""

from typing import Any

import psycopg

from deployment.platform import Platform
from services.databases import libpq_url
from simulator.client import REDIRECT_URI, Control, Organisation

CLINIC = "clinic-1"


def connect(control: Control, platform: Platform, organisation: Organisation, clinic: str = CLINIC) -> str:
    """Consent in Xero, and publish what the main platform would; gives the event's id."""
    return platform.publish("connect-completed", {"clinic_id": clinic, "grant": grant(control, organisation)})


def grant(control: Control, organisation: Organisation) -> dict[str, str]:
    """A fresh authorisation code for one organisation."""
    code = control.consent(organisation.owner, [organisation.tenant_id])
    return {"type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}


def is_backfilled(platform: Platform, clinic: str = CLINIC) -> bool:
    """Whether everything was said to be there."""
    return bool(platform.events("sync-finished", mode="backfill", clinic_id=clinic))


def rows(database_url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What the database says, as its owner."""
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        return list(connection.execute(statement.encode(), values))


def value(database_url: str, statement: str, *values: object) -> Any:
    """One value of one row; None if there is no row."""
    found = rows(database_url, statement, *values)
    return found[0][0] if found else None
