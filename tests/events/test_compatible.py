"""
Version 1 of every event keeps what it promised when it was frozen.

`frozen/` holds the schemas of a released contract. A new folder joins it with every release that adds to
them; none is ever changed.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrypoints.contract.schemas import EVENT_TYPES, EventType, schema_of
from events.compatibility import breaks

FROZEN = sorted((Path(__file__).parent / "frozen").glob("*/*.json"))
BY_KIND = {event.kind: event for event in EVENT_TYPES}
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_nothing_breaks_who_keeps_to_a_released_contract(path: Path) -> None:
    event = BY_KIND[path.stem]
    assert breaks(json.loads(path.read_text()), schema_of(event), is_inbound=event.is_inbound) == []


def changed(kind: str, change: Change) -> list[str]:
    event: EventType = BY_KIND[kind]
    old = schema_of(event)
    new = copy.deepcopy(old)
    change(new)
    return breaks(old, new, is_inbound=event.is_inbound)


def data(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][name]
    return found


ALLOWED: dict[str, tuple[str, Change]] = {
    "another sentence": ("disconnect.v1", lambda new: new.update(description="x")),
    "a new optional field to send": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData")["properties"].update(new={"type": "string"}),
    ),
    "a field that need not be sent any more": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData").update(required=[]),
    ),
    "another value to send": ("sync-requested.v1", lambda new: data(new, "Mode")["enum"].append("quick")),
    "longer texts to send": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData")["properties"]["clinic_id"].update(maxLength=128),
    ),
    "a new field to get": (
        "payroll-erased.v1",
        lambda new: (
            data(new, "PayrollErased")["properties"].update(new={"type": "string"}),
            data(new, "PayrollErased")["required"].append("new"),
        ),
    ),
    "a new reason to get": (
        "connection-changed.v1",
        lambda new: data(new, "Reason")["enum"].append("new_reason"),
    ),
}

BREAKING: dict[str, tuple[str, Change, str]] = {
    "a field that must be sent now": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData")["required"].append("requested_by"),
        "$defs.DisconnectData.required now has 'requested_by'",
    ),
    "a field that is not taken any more": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData")["properties"].pop("erase"),
        "$defs.DisconnectData.properties.erase is gone",
    ),
    "a value that is not taken any more": (
        "sync-requested.v1",
        lambda new: data(new, "Mode")["enum"].remove("full"),
        "$defs.Mode.enum no longer has 'full'",
    ),
    "shorter texts to send": (
        "disconnect.v1",
        lambda new: data(new, "DisconnectData")["properties"]["clinic_id"].update(maxLength=32),
        "$defs.DisconnectData.properties.clinic_id.maxLength was 64, is 32",
    ),
    "a field that does not come any more": (
        "payroll-erased.v1",
        lambda new: data(new, "PayrollErased")["properties"].pop("rows"),
        "$defs.PayrollErased.properties.rows is gone",
    ),
    "a field that may be missing now": (
        "payroll-erased.v1",
        lambda new: data(new, "PayrollErased")["required"].remove("rows"),
        "$defs.PayrollErased.required no longer has 'rows'",
    ),
    "a field of another type": (
        "sync-finished.v1",
        lambda new: data(new, "SyncFinished")["properties"]["backfill_percent"].update(type="string"),
        "$defs.SyncFinished.properties.backfill_percent.type was 'integer', is 'string'",
    ),
    "another status to get": (
        "connection-changed.v1",
        lambda new: data(new, "ConnectionStatus")["enum"].append("paused"),
        "$defs.ConnectionStatus.enum now has 'paused'",
    ),
    "another type of event": (
        "disconnect.v1",
        lambda new: new["properties"]["type"].update(const="allie.xero.disconnect.v2"),
        "properties.type.const was 'allie.xero.disconnect.v1', is 'allie.xero.disconnect.v2'",
    ),
}


@pytest.mark.parametrize(("kind", "change"), ALLOWED.values(), ids=ALLOWED)
def test_version_1_may_grow(kind: str, change: Change) -> None:
    assert changed(kind, change) == []


@pytest.mark.parametrize(("kind", "change", "said"), BREAKING.values(), ids=BREAKING)
def test_what_would_need_a_version_2_is_named(kind: str, change: Change, said: str) -> None:
    assert changed(kind, change) == [said]
