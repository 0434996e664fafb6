"""What the published schemas say of an event."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PUBLISHED = Path(__file__).parents[2] / "docs" / "events"


@cache
def validator_of(event_type: str) -> Draft202012Validator:
    """The validator of one type of event, with `format` checked."""
    kind = ".".join(event_type.split(".")[-2:])
    schema = json.loads((PUBLISHED / "schemas" / f"{kind}.json").read_text())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(document: dict[str, Any]) -> list[str]:
    """What the schema of this event has against it, one line each."""
    found = validator_of(document["type"]).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]
