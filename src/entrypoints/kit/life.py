"""A clinic's life as the main platform sees it, from the first consent to the last erasure."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from entrypoints.kit.programs import within
from entrypoints.kit.stage import Event, Stage
from simulator.client import REDIRECT_URI, Control, Organisation


def live(stage: Stage, *, pkce: bool) -> None:
    """Every step, each on its own: one that fails does not stop those that can do without it."""
    control = stage.parts.control
    control.settings(several_organisations_per_consent=True)
    harbour, hill = (control.create_organisation(staff=3, runs=2, seed=seed) for seed in (1, 2))
    trust = control.create_organisation(staff=3, runs=2, seed=3, users=[hill.owner])
    _one_organisation(stage, f"kit-{secrets.token_hex(4)}", _redirect(control, [harbour], pkce=pkce))
    _several(stage, f"kit-{secrets.token_hex(4)}", _redirect(control, [hill, trust], pkce=pkce))


def _one_organisation(stage: Stage, clinic: str, redirect: dict[str, Any]) -> None:
    of_clinic = {"clinic_id": clinic, "requested_by": "kim"}
    stage.step(
        {"what": "consented", **of_clinic, **redirect},
        "the clinic is connected",
        _event("connection-changed", clinic, status="active"),
    )
    backfilled = _event("sync-finished", clinic, mode="backfill")
    within(stage.patience, lambda: any(map(backfilled, stage.parts.heard)))
    stage.step(
        {"what": "asked_for_data", **of_clinic},
        "a sync is finished",
        _event("sync-finished", clinic, mode="changes"),
    )
    stage.step(
        {"what": "disconnected", **of_clinic},
        "the clinic is disconnected",
        _event("connection-changed", clinic, status="disconnected", reason="requested"),
    )


def _several(stage: Stage, clinic: str, redirect: dict[str, Any]) -> None:
    offer = stage.step(
        {"what": "consented", "clinic_id": clinic, **redirect},
        "several organisations to choose from",
        _event("connection-changed", clinic, reason="choose_organisation"),
    )
    if offer is not None:
        stage.step(
            {"what": "chose", "clinic_id": clinic, "tenant_id": offer["data"]["choices"][0]["tenant_id"]},
            "the organisation that was chosen is connected",
            _event("connection-changed", clinic, status="active"),
        )
    stage.step(
        {"what": "disconnected", "clinic_id": clinic, "erase": "now"},
        "the clinic's payroll is erased",
        _event("payroll-erased", clinic),
    )


def _redirect(control: Control, organisations: list[Organisation], *, pkce: bool) -> dict[str, str]:
    """What Xero's redirect tells the platform, and what the platform has kept for it (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    code = control.consent(
        organisations[0].owner,
        [one.tenant_id for one in organisations],
        code_challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode() if pkce else None,
    )
    kept = {"code_verifier": verifier} if pkce else {}
    return {"code": code, "redirect_uri": REDIRECT_URI, **kept}


def _event(kind: str, clinic: str, **data: object) -> Callable[[Event], object]:
    """Whether an event is of this kind, about this clinic, with these values among its data."""
    name = f"allie.xero.{kind}.v1"
    return lambda event: (
        (event["type"], event["subject"]) == (name, clinic) and data.items() <= event["data"].items()
    )
