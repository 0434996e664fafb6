"""What is connected, how fresh it is, and what it costs."""

import os
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from adapters.postgres.reports import Reports, Row
from domain.model.backfill import Backfill
from domain.model.connection import Reason, Region
from domain.model.freshness import in_words
from domain.model.streams import Stream
from entrypoints.cli.output import complain, console, kilobytes, print_json, print_rows, shown
from entrypoints.settings import database_url, history_since

app = typer.Typer(help="Clinics' connections to Xero.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_connections(
    ended: Annotated[bool, typer.Option("--ended", help="Those that were disconnected too.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Every connection: its state, its organisation and how fresh it is.

    Example: allie-xero connections list --json
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = reports.connections(ended=ended)
    if as_json:
        print_json(found)
        return
    columns = ("clinic_id", "status", "reason", "organisation", "region", "fresh_since")
    print_rows("Connections", columns, found, "No connections.")


@app.command()
def show(
    clinic_id: Annotated[str, typer.Argument(help="The main platform's id of the clinic.")],
    as_json: AsJson = False,
) -> None:
    """
    One clinic's connection: streams, backfill, calls and what was done lately.

    Example: allie-xero connections show clinic-17
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = reports.connections(clinic_id, ended=True)
        if not found:
            complain(f"No connection of a clinic {clinic_id!r}; see: allie-xero connections list")
            raise typer.Exit(1)
        summary = found[-1]
        detail = _detail(reports, summary)
    if as_json:
        print_json({**summary, **detail})
        return
    _print(summary, detail)


def _detail(reports: Reports, summary: Row) -> dict[str, Any]:
    """What there is to say of a connection; of its backfill only once the pay runs were listed."""
    detail = reports.connection(summary["connection_id"])
    if any(one["stream"] == Stream.PAY_RUNS and one["checked_at"] for one in detail["freshness"]):
        since = history_since(os.environ, datetime.now(UTC))
        backfill = reports.backfill(summary["connection_id"], Region(summary["region"]), since=since)
        detail["backfill"] = asdict(backfill)
    return detail


def _print(summary: Any, detail: Any) -> None:
    organisation = summary["organisation"] or "no organisation yet"
    console.print(f"[bold]{summary['clinic_id']}[/]  {organisation}  {summary['status']}")
    if summary["reason"]:
        console.print(Reason(summary["reason"]).sentence)
    if summary["paused_until"]:
        console.print(f"Rests until {shown(summary['paused_until'])} UTC; see: allie-xero pauses")
    for one in detail["freshness"]:
        words = in_words(
            Stream(one["stream"]), one["known_to"], one["checked_at"], is_faulty=bool(one["fault"])
        )
        console.print(f"  {words}")
    console.print(_backfill(detail.get("backfill")))
    console.print(_budget(detail["budget"]))
    lists = ("resource", "finished_at", "fault")
    print_rows("Lists, last read", lists, detail["lists"], "No list was read yet.")
    syncs = ("mode", "state", "requested_by", "started_at", "finished_at")
    print_rows("Syncs, newest first", syncs, detail["syncs"], "No syncs.")
    used = [{**one, "received": kilobytes(one["wire_bytes"])} for one in detail["usage"]]
    print_rows("Used of Xero", ("month", "calls", "received"), used, "Xero was not asked yet.")


def _budget(found: dict[str, Any] | None) -> str:
    """What Xero's last answer left of the organisation's limits; None where it was not asked yet."""
    if found is None:
        return "Calls left: Xero has not said yet"
    minute = f"{found['minute_remaining']:,} of {found['minute_limit']:,} a minute"
    day = f"{found['day_remaining']:,} of {found['day_limit']:,} a day"
    ends = f"until {shown(found['day_resets_at'])} UTC"
    return f"Calls left, as Xero last said: {minute}; {day}, {ends}"


def _backfill(found: dict[str, Any] | None) -> str:
    """How much detail is here; None where the lists have not yet said how much there is."""
    if found is None:
        return "Details: nothing read yet"
    estimate = Backfill(**found)
    if estimate.ends_at is None:
        return "Details: 100 % read"
    left = f"{estimate.calls_left:,} calls left, about {kilobytes(estimate.wire_bytes_left)}"
    at = estimate.ends_at.astimezone(UTC)
    return f"Details: {estimate.percent} % read; {left}, done about {at.day} {at:%b %Y %H:%M} UTC"
