"""Publish events as the main platform would, and write their contract."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import UnreadableMessage
from entrypoints.cli.output import complain, console
from entrypoints.exchange import event, send
from entrypoints.settings import amqp_url
from workers.envelopes import event_message
from workers.queues import ROUTES

app = typer.Typer(help="Events on the topic exchange.", no_args_is_help=True)

KINDS = {kind.split(".")[2]: kind for kind in ROUTES}


@app.command()
def publish(
    kind: Annotated[str, typer.Argument(help=" | ".join(KINDS))],
    clinic: Annotated[str, typer.Option(help="The clinic's id.")],
    data: Annotated[str, typer.Option(help="More fields of the event's data, as JSON.")] = "{}",
    event_id: Annotated[
        str | None, typer.Option("--id", help="The event's id; a new one if not given.")
    ] = None,
) -> None:
    """
    Publish one event, confirmed by the broker, and print its id.

    Example: allie-xero events publish sync-requested --clinic clinic-17
    """
    if kind not in KINDS:
        complain(f"No such kind of event; choose one of: {', '.join(KINDS)}")
        raise typer.Exit(2)
    document = event(KINDS[kind], {"clinic_id": clinic, **_fields(data)}, event_id)
    try:
        event_message(document)
    except UnreadableMessage as error:
        complain(f"The event would be refused: {error}")
        raise typer.Exit(2) from None
    send(amqp_url(os.environ), document)
    console.print(document["id"])


@app.command()
def schema(
    out: Annotated[Path, typer.Option(help="The folder that holds them.")] = Path("docs/events"),
    check: Annotated[bool, typer.Option("--check", help="Only compare; 1 if any differs.")] = False,
) -> None:
    """
    Write the contract as this code says it: AsyncAPI, JSON Schemas, examples.

    Example: allie-xero events schema --out docs/events
    """
    from entrypoints.contract import files  # noqa: PLC0415 -- only this command needs it

    if not check:
        files.write(out)
        return
    differing = files.drift(out)
    if differing:
        complain("These differ from the code; run: allie-xero events schema", *differing)
        raise typer.Exit(1)


def _fields(data: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        complain("--data is not a JSON object")
        raise typer.Exit(2)
    return fields
