"""What is connected, how fresh it is, and what it costs."""

import os
from typing import Annotated, Any

import typer

from adapters.postgres.reports import Reports
from domain.model.connection import Reason
from entrypoints.cli.output import complain, console, kilobytes, print_json, rows_of, table
from entrypoints.settings import database_url

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
    found = Reports(database_url(os.environ)).connections(ended=ended)
    if as_json:
        print_json(found)
        return
    columns = ("clinic_id", "status", "reason", "organisation", "region", "fresh_since")
    console.print(table("Connections", columns, rows_of(found, *columns)))


@app.command()
def show(
    clinic_id: Annotated[str, typer.Argument(help="The main platform's id of the clinic.")],
    as_json: AsJson = False,
) -> None:
    """
    One clinic's connection: streams, backfill, calls and what was done lately.

    Example: allie-xero connections show clinic-17
    """
    reports = Reports(database_url(os.environ))
    found = reports.connections(clinic_id, ended=True)
    if not found:
        complain(f"No connection of a clinic {clinic_id!r}; see: allie-xero connections list")
        raise typer.Exit(1)
    summary = found[-1]
    detail = reports.connection(summary["connection_id"])
    if as_json:
        print_json({**summary, **detail})
        return
    _print(summary, detail)


def _print(summary: Any, detail: Any) -> None:
    organisation = summary["organisation"] or "no organisation yet"
    console.print(f"[bold]{summary['clinic_id']}[/]  {organisation}  {summary['status']}")
    if summary["reason"]:
        console.print(Reason(summary["reason"]).sentence)
    read, known = detail["details"]["read"], detail["details"]["known"]
    if known:
        percent = 100 if read == known else min(99, 100 * read // known)
        console.print(f"{read:,} of {known:,} details read ({percent} %)")
    lists = ("resource", "finished_at", "fault")
    console.print(table("Lists, last read", lists, rows_of(detail["lists"], *lists)))
    syncs = ("mode", "state", "requested_by", "started_at", "finished_at")
    console.print(table("Syncs, newest first", syncs, rows_of(detail["syncs"], *syncs)))
    used = [[one["month"], one["calls"], kilobytes(one["wire_bytes"])] for one in detail["usage"]]
    console.print(table("Used of Xero", ("month", "calls", "received"), used))
