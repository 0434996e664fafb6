"""What Xero itself does: for whoever tries this service with a real Xero app."""

import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from domain.errors import NotADemoCompany
from domain.model.ids import ClinicId
from domain.model.probing import Finding, Probed
from entrypoints import logs
from entrypoints.cli.output import complain, console, errors, print_json, table
from entrypoints.settings import load

app = typer.Typer(help="What Xero itself does.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `probe` a subcommand."""


@app.command()
def probe(
    clinic: Annotated[str, typer.Argument(help="A clinic that is connected to a demo company.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON.")] = False,
) -> None:
    """
    Ask Xero what its documentation leaves open, about a demo company, and compare it with what is assumed.

    Makes up to thirty GETs, and waits where Xero says so. The record holds statuses, a few headers, names of
    fields and kinds of values: no value, no token. Exit code 1 where Xero does otherwise. Needs a worker's
    settings.

    Example: allie-xero xero probe demo-company --json > probe.json
    """
    from entrypoints.bootstrap import build_application  # noqa: PLC0415 -- only this command needs it
    from entrypoints.metrics import Metrics  # noqa: PLC0415 -- only this command needs it

    logs.configure("console", "probe", sys.stderr)
    with ExitStack() as closing, errors.status("Asking Xero …"):
        application = build_application(
            load(os.environ), metrics=Metrics(), stopping=lambda: False, process="probe", closing=closing
        )
        try:
            probed = application.probe_xero(ClinicId(clinic))
        except NotADemoCompany as error:
            complain(f"{error}: connect one first (docs/real-xero.md)")
            raise typer.Exit(1) from None
    if probed is None:
        complain(f"{clinic} is not connected; see: allie-xero connect {clinic}")
        raise typer.Exit(1)
    _tell(probed, as_json=as_json)


def _tell(probed: Probed, *, as_json: bool) -> None:
    if as_json:
        print_json({"made_at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(probed)})
    else:
        _draw(probed)
    if any(one.differs for one in probed.findings):
        raise typer.Exit(1)


def _draw(probed: Probed) -> None:
    rows = [[one.question, _shown(one.assumed), _shown(one.found), _verdict(one)] for one in probed.findings]
    console.print(table(f"Xero, {probed.region}", ("", "assumed", "found", ""), rows))


def _verdict(finding: Finding) -> str:
    if finding.found is None:
        return "cannot be told here"
    return "[bold red]differs[/]" if finding.differs else "as assumed"


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "none"
        case dict():
            return ", ".join(f"{name}: {one}" for name, one in value.items())
        case _:
            return str(value)
