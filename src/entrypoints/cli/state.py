"""How the service is: one screen, the passes, the events that wait."""

import os
from contextlib import closing
from typing import Annotated, Any, Literal

import typer

from adapters.postgres import health_report, overview
from adapters.postgres.reports import Reports
from adapters.rabbitmq.depths import QueueDepths
from domain.errors import BrokerUnavailable
from domain.model.kept_failure import FailureQuery
from entrypoints.cli.operating import AsJson, Clinic
from entrypoints.cli.output import console, print_json, print_rows, rows_of, shown, table
from entrypoints.cli.pausing import resting
from entrypoints.settings import amqp_url, database_url
from workers.queues import QUEUES

CAUSES = ("fingerprint", "state", "failures", "clinics", "last_seen_at")
SYNCS = (
    "id",
    "clinic_id",
    "mode",
    "state",
    "requested_by",
    "requested_at",
    "finished_at",
    "calls",
    "changed",
)
EVENTS = ("created_at", "type", "clinic_id", "attempts", "next_attempt_at", "sent_at")
SyncState = Literal["queued", "running", "finished", "stopped"]
SHOWN = 8
AWAY = "away"


def status(as_json: AsJson = False) -> None:
    """
    One screen: connections, freshness, budget, queues, outbox, failures by cause, pauses, and Xero.

    The queues are asked if AMQP_URL is set; else, and where the broker is away, JSON has null for them.
    Exit code 3 if the database or the broker is away.

    Example: allie-xero status

    Example: allie-xero status --json | jq .outbox
    """
    with closing(Reports(database_url(os.environ))) as reports:
        state = health_report.state_of(reports)
        state["failures"] = overview.causes(reports, FailureQuery())
        state["pauses"] = overview.pauses(reports)
    state["broker"], state["queues"] = _queues()
    if as_json:
        print_json(state)
    else:
        _print(state)
    if state["broker"] == AWAY:
        raise typer.Exit(3)


def syncs(
    *,
    clinic: Clinic = None,
    state: Annotated[SyncState | None, typer.Option(help="In this state only.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """
    Passes over clinics' payroll, newest first: what was asked for, by whom, and what it took.

    With --oldest those that were asked for first: what is stuck is among them.

    Example: allie-xero syncs --clinic clinic-17

    Example: allie-xero syncs --state running --oldest --limit 5 --json
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = health_report.syncs(reports, clinic, state, limit, oldest=oldest)
    if as_json:
        print_json(found)
    else:
        print_rows("Syncs", SYNCS, found, "No syncs.")


def outbox(
    sent: Annotated[bool, typer.Option("--all", help="Those that were sent too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """
    Events that wait to be sent to the main platform, and how often that was tried.

    Example: allie-xero outbox

    Example: allie-xero outbox --all --limit 200 --json
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = health_report.outbox(reports, limit, sent=sent)
    if as_json:
        print_json(found)
    else:
        print_rows("Events", EVENTS, found, "Nothing waits.")


def _queues() -> tuple[str, list[dict[str, Any]] | None]:
    """How the broker is, and messages by queue; none if it does not answer, or was not asked."""
    if not os.environ.get("AMQP_URL"):
        return "not asked", None
    with closing(QueueDepths(amqp_url(os.environ), QUEUES)) as depths:
        try:
            found = depths.read()
        except BrokerUnavailable:
            return AWAY, None
    queues: dict[str, dict[str, Any]] = {}
    for one in found:
        row = queues.setdefault(one.queue, {"queue": one.queue, "ready": 0, "delayed": 0, "dead": 0})
        row[one.kind] = one.messages
        if one.kind == "ready":
            row["consumers"] = one.consumers
    return "answers", list(queues.values())


def _print(state: dict[str, Any]) -> None:
    connections = ", ".join(f"{count:,} {name}" for name, count in state["connections"].items())
    console.print(f"[bold]Connections[/]  {connections or 'none'}")
    if state["oldest"]:
        console.print(f"Least fresh  {state['oldest']['clinic_id']}, {shown(state['oldest']['fresh_since'])}")
    if state["xero_away_since"]:
        console.print(f"[bold red]Xero is away[/] since {shown(state['xero_away_since'])}; work waits for it")
    else:
        console.print("Xero  answers")
    _print_work(state)
    if state["broker"] == AWAY:
        console.print(f"[bold red]Broker is away[/]: {', '.join(QUEUES)}")
    elif state["queues"] is None:
        console.print("Queues  not asked: set AMQP_URL")
    else:
        columns = ("queue", "ready", "delayed", "dead", "consumers")
        print_rows("Queues", columns, state["queues"], "Queues  none: no dispatcher or worker has run")
    if state["pauses"]:
        console.print(resting(state["pauses"]))
    causes = state["failures"]
    if causes:
        console.print(table("Failures by cause", CAUSES, rows_of(causes[:SHOWN], *CAUSES)))
        if len(causes) > SHOWN:
            console.print(f"and {len(causes) - SHOWN:,} more causes: allie-xero failures list")
    else:
        console.print("Failures  none")


def _print_work(state: dict[str, Any]) -> None:
    budget, work, outbox = state["budget"], state["work"], state["outbox"]
    left, limit = budget["app_calls_left_this_minute"], budget["app_calls_a_minute"]
    console.print(
        f"Budget  {shown(left)} of {shown(limit)} calls of the app left this minute,"
        f" {budget['clinics_at_day_limit']:,} clinics at their day limit,"
        f" fewest left today {shown(budget['fewest_calls_left_today'])}"
    )
    since = f" since {shown(work['slices_due_since'])}" if work["slices_due"] else ""
    console.print(
        f"Work  {work['slices_running']:,} slices run, {work['slices_due']:,} wait{since};"
        f" {work['syncs_running']:,} syncs run, {work['syncs_queued']:,} are queued;"
        f" {work['replays_open']:,} replays"
    )
    oldest = f", the oldest of {shown(outbox['oldest'])}" if outbox["pending"] else ""
    console.print(f"Outbox  {outbox['pending']:,} events wait{oldest}")
