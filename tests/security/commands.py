"""What an operator reads: every command that shows something, in words and as JSON."""

from collections.abc import Iterator

from deployment.operating import Operator

SHOWING = [
    "status",
    "syncs",
    "outbox --all",
    "pauses",
    "connections list --ended",
    "failures list --all",
    "replay",
    "replay list",
    "certificates list",
    "keys status",
    "keys audit --limit 1000",
]
UNWELL = "doctor"
"""Ends with 1 here: it is for the environment of a worker, not for an operator's."""


def of_command_line(operator: Operator) -> dict[str, str]:
    """What each command prints, on both streams, however it is asked."""
    operator.columns = 1_000  # a value that is broken over two lines would not be found
    found = {"allie-xero keys public": operator.run("keys", "public")}
    for command in [*SHOWING, *_of_each(operator)]:
        for asked in (command, f"{command} --json"):
            found[f"allie-xero {asked}"] = operator.run(*asked.split(" "))
    for asked in (UNWELL, f"{UNWELL} --json"):
        found[f"allie-xero {asked}"] = operator.run(*asked.split(" "), code=1)
    return found


def _of_each(operator: Operator) -> Iterator[str]:
    """Of each clinic, each certificate, each cause and, with its attempts, one failure of each cause."""
    for connection in operator.json("connections", "list", "--ended"):
        yield f"connections show {connection['clinic_id']}"
    for certificate in operator.json("certificates", "list"):
        yield f"certificates show {certificate['id']}"
    for cause in {one["fingerprint"] for one in operator.json("failures", "list", "--all")}:
        yield f"failures show {cause}"
        yield f"failures show {operator.json('failures', 'show', cause)['failures'][0]['id']}"
