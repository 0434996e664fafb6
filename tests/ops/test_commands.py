"""Documents and runbooks name commands and options that exist; and every command is explained."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from entrypoints.cli import app

ROOT = Path(__file__).parents[2]
FOLDERS = ("ops/runbooks/*.md", "docs/*.md", "docs/events/*.md", "examples/**/*.md", "README.md")
DOCUMENTS = sorted(path for folder in FOLDERS for path in ROOT.glob(folder))
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SHELLS = ("", "sh", "bash")
INLINE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"(?:^|[|;&(] *|-- )(?:\./run )?(?<!-n )allie-xero +([a-z][^|;&)>#\n]*)")
SERVICE = {"worker", "dispatcher", "demo", "simulator serve", "simulator conformance"}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name."""
    commands = getattr(command, "commands", {})
    for name, one in commands.items():
        yield from leaves(one, (*path, name))
    if not commands or command.invoke_without_command:
        yield " ".join(path), command


COMMANDS = dict(leaves(typer.main.get_command(app)))


def named(text: str) -> set[str]:
    """The commands with their words that a document tells people to type."""
    joined = re.sub(r" *\n *", " ", text)
    blocks = [block for language, block in FENCED.findall(text) if language in SHELLS]
    spans = [line for block in blocks for line in block.splitlines()]
    spans += INLINE.findall(joined if "```" not in joined else re.sub(r"```.*?```", "", joined))
    return {found.strip() for span in spans for found in COMMAND.findall(span.strip())}


def problem(words: str) -> str | None:
    """What is wrong with a command as it is written; None if nothing is."""
    try:
        tokens = shlex.split(words)
    except ValueError:
        return None
    name = next((n for n in (" ".join(tokens[:2]), tokens[0]) if n in COMMANDS), None)
    if name is None:
        group = any(one.startswith(f"{tokens[0]} ") for one in COMMANDS)
        return None if group and len(tokens) == 1 else f"there is no command {words!r}"
    options = {option for one in COMMANDS[name].params for option in one.opts} | {"--help"}
    unknown = [one for one in tokens if one.startswith("--") and one not in options]
    return f"{words!r}: no option {unknown}" if unknown else None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_people_are_told_to_type_exists(path: Path) -> None:
    assert [found for words in sorted(named(path.read_text())) if (found := problem(words))] == []


def test_this_finds_commands_in_runbooks_at_all() -> None:
    text = (ROOT / "ops/runbooks/RunSuccessBurn.md").read_text()
    assert "replay --fingerprint FINGERPRINT --all --reason 'TICKET'" in named(text)
    assert (
        problem("replay --fingerprint X --sudden")
        == "'replay --fingerprint X --sudden': no option ['--sudden']"
    )
    assert problem("repaly list") == "there is no command 'repaly list'"


POD = re.compile(r"exec (?:-i )?deploy/(\w+) -- allie-xero ([a-z]+(?: [a-z]+)?)")
WHERE = "`allie-xero` runs [in the operator's pod](../../docs/command-line.md#where-to-run-it)."
ELSEWHERE = {
    "db": "",
    "events": "",
    "doctor": "worker",
    "keys status": "dispatcher",
    "keys rewrap": "dispatcher",
}
"""What an operator's login has not the rights for, and the pod that has."""


def elsewhere(words: str) -> str | None:
    """The pod that a command has to run in; none for an operator's."""
    return next((pod for name, pod in ELSEWHERE.items() if f"{words} ".startswith(f"{name} ")), None)


def test_steps_run_where_the_login_has_the_rights_for_them() -> None:
    for path in sorted(ROOT.glob("ops/runbooks/*.md")):
        text = path.read_text()
        pods = {words: pod for pod, words in POD.findall(text)}
        needed = {words: elsewhere(words) for words in named(text)}
        assert {words: pod for words, pod in needed.items() if pod} == pods, path.name
        assert (WHERE in text) is (None in needed.values()), path.name


def test_logs_are_searched_past_lines_that_are_not_json() -> None:
    """`db migrate`, and what cannot start, speak in words: jq would stop at the first of them."""
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    searches = re.findall(r"kubectl .* logs .*\| (jq .*)", text)
    assert len(searches) >= 4
    assert [one for one in searches if not one.startswith("jq -cR 'fromjson? | ")] == []


def test_every_command_is_in_the_documentation() -> None:
    text = (ROOT / "docs/command-line.md").read_text()
    assert [name for name in COMMANDS if f"allie-xero {name}" not in text] == []


def test_every_command_explains_itself_with_an_example_and_every_option() -> None:
    for name, command in COMMANDS.items():
        assert name in SERVICE or re.search(f"Example: .*allie-xero {name}", command.help), name
        silent = [one.name for one in command.params if not (getattr(one, "help", "") or one.hidden)]
        assert silent == [], name


def test_every_listing_has_json() -> None:
    listings = [name for name in COMMANDS if name.split()[-1] in ("list", "show", "status", "audit")]
    for name in [*listings, "syncs", "outbox", "pauses", "doctor", "replay"]:
        assert any("--json" in one.opts for one in COMMANDS[name].params), name
