"""What `docs/events/` holds, as this code says it; only its README is written by hand."""

import json
from pathlib import Path

from entrypoints.contract.asyncapi import asyncapi
from entrypoints.contract.examples import EXAMPLES
from entrypoints.contract.schemas import EVENT_TYPES, schema_of

BY_HAND = {"README.md"}


def published() -> dict[str, str]:
    """Every generated file by its path below the folder."""
    documents = {"asyncapi.json": asyncapi()}
    documents |= {f"schemas/{event.kind}.json": schema_of(event) for event in EVENT_TYPES}
    documents |= {f"examples/{one.name}.json": one.document for one in EXAMPLES}
    return {path: json.dumps(document, indent=2) + "\n" for path, document in documents.items()}


def drift(folder: Path) -> list[str]:
    """The files that differ from what the code says, are missing or should not be there."""
    wanted = published()
    held = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - BY_HAND
    differing = {path for path in held & wanted.keys() if (folder / path).read_text() != wanted[path]}
    return sorted(differing | (held ^ wanted.keys()))


def write(folder: Path) -> None:
    """Write every file, and remove those that are no longer made."""
    for path in drift(folder):
        (folder / path).unlink(missing_ok=True)
    for path, text in published().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
