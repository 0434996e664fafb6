"""Every command that runbooks and operations tell people to type is one that the command line takes."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from entrypoints.cli import app
from services.databases import libpq_url

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / "ops" / "runbooks").glob("*.md"),
    ROOT / "docs/operations.md",
    ROOT / "docs/observability.md",
]
TYPED = re.compile(r"(?:^ *|`|-- |… )allie-xero ([a-z][^`|\n]*)", re.MULTILINE)
PICKED = re.compile(r"allie-xero ([^\n|`]*--json) \| jq\s+'([^']*)'")
TO_COME = {"status", "syncs", "pause", "resume", "outbox", "doctor"}


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        # A command may be broken over two lines of a sentence.
        text = re.sub(r"(`allie-xero[^`\n]*)\n\s*([^`\n]*`)", r"\1 \2", page.read_text())
        yield from ((page.stem, typed.strip()) for typed in TYPED.findall(text))


def problem(typed: str) -> str | None:
    """What the command line would complain of."""
    command: Any = get_command(app)
    words = shlex.split(typed)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        return f"{words[0]!r} is not a command of {command.name}"
    known = {name for one in command.params for name in one.opts if name.startswith("-")}
    unknown = {word.partition("=")[0] for word in words if word.startswith("-")} - known
    return f"{command.name} does not know {sorted(unknown)}" if unknown else None


@pytest.mark.parametrize(("page", "typed"), sorted(set(commands())))
def test_a_command_is_one_that_there_is(page: str, typed: str) -> None:
    if typed.split(maxsplit=1)[0] not in TO_COME:
        assert problem(typed) is None, page


ROWS = """
INSERT INTO allie_xero.connection (clinic_id, status) VALUES ('one', 'active');
INSERT INTO allie_xero.failure (fingerprint, state, error, place, subject, context)
VALUES ('a cause', 'failed', 'an error', 'sync', 'employees', '{"queue": "allie-xero.sync"}');
"""


def keys_of(listed: Any, prefix: str = "") -> set[str]:
    """Every path of an object: `.context` and `.context.queue`."""
    found = set()
    for name, value in listed.items():
        found |= {f"{prefix}.{name}"} | (
            keys_of(value, f"{prefix}.{name}") if isinstance(value, dict) else set()
        )
    return found


def test_what_is_picked_from_a_listing_is_in_it(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(libpq_url(database_url)) as connection:
        connection.execute(ROWS)
    monkeypatch.setenv("DATABASE_URL", database_url)
    seen = set()
    for page in PAGES:
        for listing, program in PICKED.findall(page.read_text()):
            if listing.split()[0] not in TO_COME:
                done = CliRunner().invoke(app, shlex.split(listing))
                assert done.exit_code == 0, done.output
                (row,) = json.loads(done.stdout)
                wanted = re.findall(r"\.[a-z][a-z_.]*", re.sub(r"\"[^\"]*\"", "", program))
                assert set(wanted) <= keys_of(row), page.stem
                seen.add(listing)
    assert len(seen) >= 3


@pytest.mark.parametrize("typed", ["nonsense", "keys nonsense", "connections list --nonsense"])
def test_a_command_that_is_none_would_be_noticed(typed: str) -> None:
    assert problem(typed)
