"""Making a change at the source, of a named kind or at random."""

from datetime import datetime
from random import Random
from typing import Any

from simulator.payroll.changes import hours, pay, people, setup  # noqa: F401 -- they declare the kinds
from simulator.payroll.changes.registry import CHANGES, Described, Edit
from simulator.payroll.clinic import Clinic
from simulator.settings import Settings


class ImpossibleChange(ValueError):
    """There is no such kind, or nothing it could happen to in the present state."""


def make_change(
    clinic: Clinic, kind: str, params: dict[str, Any], now: datetime, settings: Settings
) -> Described:
    """
    Change the clinic and say what was done.

    `kind` is one of `CHANGES`, or `random` for any that is possible now. Of `params`, `id` names the
    target and `seed` decides everything left open; some kinds know a few more.

    Raises:
        ImpossibleChange: Nothing fits.
    """
    rng = Random(f"{clinic.seed}:{params.get('seed', clinic.version)}:{kind}")
    if kind == "random":
        kind = rng.choice(sorted(name for name, one in CHANGES.items() if one.targets(clinic)))
    if kind not in CHANGES:
        raise ImpossibleChange(f"no such change: {kind}; there are {', '.join(sorted(CHANGES))}")
    targets = CHANGES[kind].targets(clinic)
    if wanted := params.get("id"):
        targets = [target for target in targets if wanted in _ids(target)]
    if not targets:
        raise ImpossibleChange(f"nothing to {kind.replace('_', ' ')} here now")
    edit = Edit(clinic, rng, now.replace(microsecond=0), settings, params)
    done = CHANGES[kind].apply(edit, rng.choice(targets))
    clinic.version += 1
    return {"kind": kind, **done}


def _ids(target: Any) -> set[str]:
    """The ids that name a target; a payslip is named by its own id or its employee's."""
    if isinstance(target, tuple):
        return {target[1].payslip_id, target[1].employee.id, target[0].id}
    return {getattr(target, "id", None) or target.user_id}
