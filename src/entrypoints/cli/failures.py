"""What went wrong: by cause, one by one, and what to do about it."""

import os
from contextlib import closing
from typing import Annotated, Any

import typer

from adapters.postgres import overview
from adapters.postgres.reports import Reports, Row
from domain.model.ids import FailureId
from domain.model.kept_failure import FailureQuery
from domain.use_cases.discard_failures import discard_failures
from domain.use_cases.replay_failures import ReplayRefused, plan_replay
from entrypoints.cli.operating import (
    AsJson,
    Clinic,
    Fingerprint,
    Operator,
    Reason,
    Since,
    StreamName,
    Until,
    query,
    transactions,
)
from entrypoints.cli.output import complain, console, print_json, print_rows, shown
from entrypoints.settings import database_url

app = typer.Typer(help="What went wrong, by cause.", no_args_is_help=True)

COLUMNS = ("fingerprint", "state", "failures", "clinics", "attempts", "first_seen_at", "last_seen_at")
ONE = ("id", "clinic_id", "state", "subject", "attempts", "last_seen_at", "until")
TRY = ("number", "at", "state", "error", "version", "process")


@app.command("list")
def list_failures(
    *,
    clinic: Clinic = None,
    stream: StreamName = None,
    fingerprint: Fingerprint = None,
    since: Since = None,
    until: Until = None,
    settled: Annotated[bool, typer.Option("--all", help="Those that are settled too.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Open failures, grouped by cause and state: how many, of how many clinics, since when.

    Example: allie-xero failures list --clinic clinic-17

    Example: allie-xero failures list --until '166 days ago' --json
    """
    meant = query(clinic, stream, fingerprint, since, until)
    with closing(Reports(database_url(os.environ))) as reports:
        found = overview.causes(reports, meant, settled=settled)
    if as_json:
        print_json(found)
        return
    print_rows("Failures by cause", COLUMNS, found, "No failures.")
    if found:
        console.print("More of one: allie-xero failures show FINGERPRINT")


@app.command()
def show(
    cause: Annotated[str, typer.Argument(metavar="FINGERPRINT|ID", help="A cause, or one failure's number.")],
    limit: Annotated[int, typer.Option(help="The newest so many failures, or attempts.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """
    One cause, or one failure with every attempt: what it concerns, why, and what to do next.

    Example: allie-xero failures show RequestRefused:sync:employees

    Example: allie-xero failures show 42
    """
    number = int(cause) if cause.isdigit() else None
    meant = FailureQuery(fingerprint=None if number is not None else cause)
    with closing(Reports(database_url(os.environ))) as reports:
        found = overview.failures(reports, meant, number=number, limit=limit)
        tries = overview.attempts(reports, number, limit) if number is not None else []
    if not found:
        complain(f"No failure {cause!r}; see: allie-xero failures list --all")
        raise typer.Exit(1)
    ids = [FailureId(one["id"]) for one in found] if number is not None else None
    advice = _advice(FailureQuery(fingerprint=meant.fingerprint, ids=ids), found[0])
    if as_json:
        print_json({"failures": found, "attempts": tries, **advice})
        return
    _print(found, tries, advice)


@app.command()
def discard(
    *,
    reason: Reason,
    operator: Operator,
    clinic: Clinic = None,
    stream: StreamName = None,
    fingerprint: Fingerprint = None,
    since: Since = None,
    until: Until = None,
    number: Annotated[int | None, typer.Option("--id", help="This one failure.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say how many.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Give open failures up. Their rows stay, with your name and reason. Says only how many without --yes.

    Example: allie-xero failures discard --fingerprint not_json:queue:allie-xero.control --reason T-7 --yes
    """
    meant = query(clinic, stream, fingerprint, since, until)
    if number is not None:
        meant = FailureQuery(ids=[FailureId(number)])
    if meant == FailureQuery():
        complain("Say which: --fingerprint, --clinic, --stream, --id, --since or --until")
        raise typer.Exit(2)
    with transactions() as transaction:
        if not yes:
            plan = plan_replay(meant, transaction=transaction)
            count = len(plan.failures) + sum(plan.refused.values())
            _say(as_json, f"{count:,} would be discarded; add --yes to do it.", would_discard=count)
            return
        try:
            gone = discard_failures(meant, operator, reason, transaction=transaction)
        except ReplayRefused as error:
            complain(str(error))
            raise typer.Exit(1) from None
    _say(as_json, f"{len(gone):,} were discarded.", discarded=len(gone))


def _say(as_json: bool, sentence: str, **values: object) -> None:
    if as_json:
        print_json(values)
    else:
        console.print(sentence)


def _advice(meant: FailureQuery, first: Row) -> dict[str, Any]:
    """How many of it can be replayed, why the others cannot, and the command to go on with."""
    with transactions() as transaction:
        plan = plan_replay(meant, transaction=transaction)
    count = len(plan.failures)
    command = f"allie-xero replay --fingerprint {first['fingerprint']}" if count else None
    return {"replayable": count, "refused": plan.refused, "next": command}


def _print(found: list[Row], tries: list[Row], advice: dict[str, Any]) -> None:
    first = found[0]
    console.print(f"[bold]{first['fingerprint']}[/]  {first['error']} in {first['place']}")
    print_rows("Failures, newest first", ONE, found, "")
    if first["context"]:
        console.print("What is known: " + ", ".join(f"{key} {one}" for key, one in first["context"].items()))
    if first["event_type"]:
        console.print(f"Event {first['event_id']} of type {first['event_type']}")
    if tries:
        _print_end(first)
        print_rows("Attempts, newest first", TRY, tries, "")
    for why, count in advice["refused"].items():
        console.print(f"{count:,} cannot be replayed now: {why}")
    if advice["next"]:
        advised = f"{advice['replayable']:,} can be replayed; see what that does: {advice['next']}"
        console.print(advised)


def _print_end(failure: Row) -> None:
    """When one failure was settled, by whom, and why."""
    if failure["settled_at"] is None:
        return
    replayed = f"replay {failure['replay_id']}" if failure["replay_id"] else "the service"
    why = f": {failure['settled_why']}" if failure["settled_why"] else ""
    by = failure["settled_by"] or replayed
    state = failure["state"].capitalize()
    console.print(f"{state} on {shown(failure['settled_at'])} by {by}{why}")
