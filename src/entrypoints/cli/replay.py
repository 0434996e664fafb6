"""Have failures worked again: look, try a few, then the rest."""

import math
import os
import shlex
import sys
import time
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adapters.postgres import overview
from adapters.postgres.reports import Reports, Row
from domain.model.ids import ReplayId
from domain.model.kept_failure import FailureQuery
from domain.model.replays import CANARY, Replay, ReplayState
from domain.use_cases.replay_failures import (
    ReplayOrder,
    ReplayPlan,
    ReplayRefused,
    plan_replay,
    replay_failures,
)
from domain.use_cases.steer_replay import Steer, steer_replay
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
from entrypoints.cli.output import complain, console, counted, errors, print_json, print_rows
from entrypoints.settings import database_url, four_eyes_over

app = typer.Typer()

POLL_S = 0.3
BEGINS_WITHIN_S = 10.0
COLUMNS = ("id", "state", "succeeded", "failed", "under_way", "waiting", "skipped", "operator", "reason")
Number = Annotated[int, typer.Argument(help="The replay's number; see: allie-xero replay list")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


@app.callback(invoke_without_command=True)
def replay(
    *,
    context: typer.Context,
    operator: Operator,
    clinic: Clinic = None,
    stream: StreamName = None,
    fingerprint: Fingerprint = None,
    since: Since = None,
    until: Until = None,
    canary: Annotated[
        int | None, typer.Option(help="Try so many first, of different clinics.", min=1)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay all that is meant.")] = False,
    reason: Reason = "",
    rate: Annotated[int | None, typer.Option(help="At most so many a minute.", min=1)] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the end.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Have failures worked again. Without --canary or --all it only says what that would do.

    How many failures there are, of which clinics, and about how many calls to Xero they take.

    A replay goes on when this command is closed. It stops itself when a fifth of it fails again. Exit code 1
    if it was refused, or has stopped itself.

    Example: allie-xero replay --fingerprint RequestRefused:sync:employees

    Example: allie-xero replay --fingerprint RequestRefused:sync:employees --canary 5 --reason T-7

    Example: allie-xero replay --fingerprint RequestRefused:sync:employees --all --rate 60 --reason T-7
    """
    if context.invoked_subcommand is not None:
        return
    if everything and canary is not None:
        complain("--canary or --all, not both: a canary first, then the rest")
        raise typer.Exit(2)
    meant = query(clinic, stream, fingerprint, since, until)
    if not everything and canary is None:
        _dry_run(meant, as_json)
        return
    order = ReplayOrder(query=meant, operator=operator, reason=reason, canary=canary, rate=rate)
    with transactions() as transaction:
        try:
            begun = replay_failures(order, transaction=transaction, four_eyes_over=four_eyes_over(os.environ))
        except ReplayRefused as error:
            complain(str(error))
            raise typer.Exit(1) from None
    _follow(begun, as_json, detach=detach)


@app.command("list")
def list_replays(
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20, as_json: AsJson = False
) -> None:
    """
    Replays, newest first, and how far they are.

    Example: allie-xero replay list
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = overview.replays(reports, limit=limit)
    if as_json:
        print_json(found)
    else:
        print_rows("Replays, newest first", COLUMNS, found, "No replays.")


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """
    One replay: how far it is, what came of its failures, and who did what.

    Example: allie-xero replay show 7
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = overview.replays(reports, number)
        detail = overview.replay_detail(reports, number)
    if not found:
        complain(f"No replay {number}; see: allie-xero replay list")
        raise typer.Exit(1)
    if as_json:
        print_json({**found[0], **detail})
        return
    print_rows(f"Replay {number}", COLUMNS, found, "")
    outcomes = ("state", "note", "failures", "clinics")
    print_rows("What came of it", outcomes, detail["outcomes"], "Nothing came of it.")
    audit = ("at", "action", "operator", "database_user", "reason", "detail")
    print_rows("Who did what", audit, detail["audit"], "Nobody did anything.")


@app.command()
def pause(number: Number, operator: Operator, reason: Why, as_json: AsJson = False) -> None:
    """
    Begin no more of a running replay; what is under way goes on.

    Example: allie-xero replay pause 7 --reason 'Xero is slow'
    """
    _steer(number, Steer.PAUSE, operator, reason, as_json)


@app.command()
def resume(number: Number, operator: Operator, reason: Why = "", as_json: AsJson = False) -> None:
    """
    Let a paused replay go on.

    Example: allie-xero replay resume 7
    """
    _steer(number, Steer.RESUME, operator, reason, as_json)


@app.command()
def cancel(number: Number, operator: Operator, reason: Why, as_json: AsJson = False) -> None:
    """
    End a replay; what was replayed stays replayed, the rest stays as it is.

    Example: allie-xero replay cancel 7 --reason 'the fix was incomplete'
    """
    _steer(number, Steer.CANCEL, operator, reason, as_json)


@app.command()
def approve(number: Number, operator: Operator, reason: Why = "", as_json: AsJson = False) -> None:
    """
    Approve somebody else's bulk replay, where ALLIE_XERO_FOUR_EYES_OVER asks for it.

    Example: allie-xero replay approve 7
    """
    _steer(number, Steer.APPROVE, operator, reason, as_json)


def _steer(number: int, move: Steer, operator: str, reason: str, as_json: bool) -> None:
    with transactions() as transaction:
        try:
            moved = steer_replay(ReplayId(number), move, operator, reason, transaction=transaction)
        except ReplayRefused as error:
            complain(str(error))
            raise typer.Exit(1) from None
    if as_json:
        print_json({"id": moved.id, "state": moved.state})
    else:
        console.print(f"Replay {moved.id} is {moved.state}.")


def _dry_run(meant: FailureQuery, as_json: bool) -> None:
    with transactions() as transaction:
        plan = plan_replay(meant, transaction=transaction)
    with closing(Reports(database_url(os.environ))) as reports:
        left = overview.day_left(reports)
    clinics = [
        {
            "clinic_id": clinic,
            "failures": count,
            "calls": plan.calls_by_clinic[clinic],
            "calls_left_today": left.get(clinic or ""),
        }
        for clinic, count in sorted(plan.failures_by_clinic.items(), key=lambda one: -one[1])
    ]
    if as_json:
        counts = {"failures": len(plan.failures), "calls": sum(plan.calls_by_clinic.values())}
        print_json({**counts, "digest": plan.digest, "clinics": clinics, "refused": plan.refused})
        return
    _print_plan(plan, clinics)


def _print_plan(plan: ReplayPlan, clinics: list[dict[str, Any]]) -> None:
    count, calls = len(plan.failures), sum(plan.calls_by_clinic.values())
    if clinics:
        columns = ("clinic_id", "failures", "calls", "calls_left_today")
        print_rows("What a replay would do", columns, clinics, "")
    over = [one for one in clinics if one["calls"] > (one["calls_left_today"] or one["calls"])]
    console.print(
        f"{counted(count, 'failure')} of {counted(len(clinics), 'clinic')}, about {counted(calls, 'call')}"
        " to Xero. Nothing was changed."
    )
    for one in over:
        console.print(
            f"{one['clinic_id']} has fewer calls left today: its rest waits until its limit resets."
        )
    for why, refused in plan.refused.items():
        console.print(f"{refused:,} cannot be replayed now: {why}")
    if count > CANARY:
        console.print(f"Next: {_again()} --canary {CANARY} --reason TICKET")
    elif count:
        console.print(f"Next: {_again()} --all --reason TICKET")


def _again() -> str:
    return shlex.join(["allie-xero", *sys.argv[1:]])


def _follow(begun: Replay, as_json: bool, *, detach: bool) -> None:
    """Show how far it is until it is over, and exit with 1 if it has stopped itself."""
    with closing(Reports(database_url(os.environ))) as reports:
        row = overview.replays(reports, begun.id)[0]
        if begun.state is ReplayState.RUNNING and not detach:
            if not as_json:
                console.print(f"Replay {begun.id} has begun.")
            row = _watch(reports, row, quiet=as_json)
    if as_json:
        print_json(row)
    else:
        _say_how_it_is(row)
    if row["state"] == ReplayState.STOPPED:
        raise typer.Exit(1)


def _watch(reports: Reports, row: Row, *, quiet: bool) -> Row:
    total = sum(row[name] for name in ("succeeded", "failed", "under_way", "waiting", "skipped"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=quiet) as bar:
        task = bar.add_task(f"Replay {row['id']}", total=total)
        doubt = time.monotonic() + BEGINS_WITHIN_S
        try:
            while row["state"] == ReplayState.RUNNING:
                time.sleep(POLL_S)
                row = overview.replays(reports, row["id"])[0]
                if time.monotonic() > doubt:
                    doubt = math.inf
                    _doubt(row, total)
                bar.update(task, completed=row["succeeded"] + row["failed"] + row["skipped"])
        except KeyboardInterrupt:
            errors.print(f"It goes on without you: allie-xero replay show {row['id']}", soft_wrap=True)
    return row


def _doubt(row: Row, total: int) -> None:
    if row["waiting"] == total:
        errors.print(
            f"Nothing of it is under way after {BEGINS_WITHIN_S:.0f} seconds: does a dispatcher run?"
            " It waits for one; Ctrl-C leaves it waiting.",
            soft_wrap=True,
        )


def _say_how_it_is(row: Row) -> None:
    number = row["id"]
    counts = (
        f"{row['succeeded']:,} went well, {row['failed']:,} failed again, {row['skipped']:,} were skipped"
    )
    match row["state"]:
        case ReplayState.AWAITING_APPROVAL:
            console.print(f"Replay {number} waits for somebody else: allie-xero replay approve {number}")
        case ReplayState.STOPPED:
            console.print(
                f"Replay {number} has stopped itself: {counts}. See: allie-xero replay show {number}",
            )
        case ReplayState.FINISHED:
            console.print(f"Replay {number} is over: {counts}.")
            if row["is_canary"]:
                console.print("When that is what you wanted: the same with --all in place of --canary")
        case _:
            console.print(f"Replay {number} is {row['state']}. See: allie-xero replay show {number}")
