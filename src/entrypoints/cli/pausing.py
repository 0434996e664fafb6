"""Let something rest for a while, and let it go on."""

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from adapters.postgres import overview
from adapters.postgres.reports import Reports, Row
from domain.model.budget import Lane
from domain.model.ids import ClinicId
from domain.model.pauses import Scope
from domain.model.streams import Stream
from domain.use_cases.pause import PauseRefused
from domain.use_cases.pause import pause as begin
from domain.use_cases.pause import resume as end
from entrypoints.cli import instants
from entrypoints.cli.operating import AsJson, Operator, Reason, transactions
from entrypoints.cli.output import complain, console, print_json, table
from entrypoints.settings import database_url

COLUMNS = ("clinic_id", "stream", "lane", "until", "operator", "reason")

Clinic = Annotated[str | None, typer.Argument(metavar="[CLINIC]", help="The clinic; or name none.")]
StreamName = Annotated[Stream | None, typer.Option("--stream", help="Only this stream.")]
LaneName = Annotated[Lane | None, typer.Option("--lane", help="Only the backfill.")]
Everything = Annotated[bool, typer.Option("--everything", help="Of every clinic.")]


def pause(
    *,
    clinic: Clinic = None,
    stream: StreamName = None,
    lane: LaneName = None,
    everything: Everything = False,
    until: Annotated[str, typer.Option(help="When it ends by itself: 30m, 2h, 3d, 2026-11-27T09:00.")],
    reason: Reason,
    operator: Operator,
    as_json: AsJson = False,
) -> None:
    """
    Begin no more slices of a clinic, or of every clinic; or none of one stream, or no backfill.

    What is under way ends first, within 45 seconds. It goes on by itself at --until, at most 14 days on.
    Tokens are kept alive; connects and disconnects are worked.

    Example: allie-xero pause clinic-17 --until 2h --reason T-7

    Example: allie-xero pause --stream payslips --until 2h --reason T-7

    Example: allie-xero pause --everything --lane backfill --until 30m --reason 'app limit'
    """
    scope = _scope(clinic, stream, lane, everything=everything)
    try:
        at = instants.future(until, datetime.now(UTC))
    except ValueError as error:
        complain(f"--until: {error}")
        raise typer.Exit(2) from None
    with transactions() as transaction:
        try:
            begun = begin(scope, at, operator, reason, transaction=transaction)
        except PauseRefused as error:
            complain(str(error))
            raise typer.Exit(1) from None
    if as_json:
        print_json({"id": begun.id, "until": begun.until})
    else:
        console.print(f"{_words(scope)}: rests until {begun.until:%d %b %H:%M} UTC, then goes on by itself.")


def resume(
    *,
    clinic: Clinic = None,
    stream: StreamName = None,
    lane: LaneName = None,
    everything: Everything = False,
    operator: Operator,
    as_json: AsJson = False,
) -> None:
    """
    End a pause early: name the clinic, stream and lane that were paused. Exit code 1 if they are not.

    Example: allie-xero resume clinic-17

    Example: allie-xero resume --everything
    """
    scope = _scope(clinic, stream, lane, everything=everything)
    with transactions() as transaction:
        ended = end(scope, operator, transaction=transaction)
    if as_json:
        print_json({"ended": len(ended)})
    elif ended:
        console.print(f"{_words(scope)}: goes on.")
    if not ended:
        complain(f"{_words(scope)}: does not rest; see: allie-xero pauses")
        raise typer.Exit(1)


def pauses(as_json: AsJson = False) -> None:
    """
    What rests now, until when, who wanted it, and why.

    Example: allie-xero pauses
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = overview.pauses(reports)
    if as_json:
        print_json(found)
    elif found:
        console.print(resting(found))
    else:
        console.print("Nothing rests.")


def resting(found: Sequence[Row]) -> Table:
    """What rests, as a table for people: what is not named rests as a whole."""
    whole = {"clinic_id": "every clinic", "stream": "all", "lane": "all"}
    rows = [[one[name] or whole.get(name) for name in COLUMNS] for one in found]
    return table("What rests", COLUMNS, rows)


def _scope(clinic: str | None, stream: Stream | None, lane: Lane | None, *, everything: bool) -> Scope:
    if lane is Lane.FRESH:
        complain("Fresh data cannot rest by itself: name a stream, or pause without --lane")
        raise typer.Exit(2)
    if (clinic is not None) == everything and not (clinic is None and (stream or lane)):
        complain("Say what: a CLINIC, --stream, --lane backfill, or --everything")
        raise typer.Exit(2)
    return Scope(clinic_id=ClinicId(clinic) if clinic else None, stream=stream, lane=lane)


def _words(scope: Scope) -> str:
    what = scope.stream.value if scope.stream else "backfill" if scope.lane else "everything"
    return f"{what.capitalize()} of {scope.clinic_id or 'every clinic'}"
