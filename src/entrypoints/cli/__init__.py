"""The command line: `allie-xero`."""

import os
import sys
from importlib.metadata import version as version_of
from importlib.util import find_spec
from typing import Annotated

import typer

from adapters.crypto.keyring import KeyRingInvalid
from adapters.postgres.errors import StorageBug
from adapters.postgres.reports import LoginTooNarrow
from domain.errors import ServiceError
from entrypoints.cli import (
    certificates,
    connections,
    database,
    events,
    failures,
    keys,
    pausing,
    processes,
    replay,
    state,
    xero,
)
from entrypoints.cli.connect import connect
from entrypoints.cli.doctor import doctor
from entrypoints.cli.output import complain, console
from entrypoints.settings import SettingsInvalid


def print_version(is_asked: bool) -> None:
    """The version; with the commit, where the image knows it."""
    if is_asked:
        commit = os.environ.get("ALLIE_XERO_REVISION", "unknown")
        known = f" ({commit})" if commit != "unknown" else ""
        console.print(f"allie-xero {version_of('allie-xero')}{known}")
        raise typer.Exit


app = typer.Typer(
    name="allie-xero",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done · 1 not possible, and why · 2 wrong use or settings · 3 a service is away."
    " docs/… and runbooks that a message names are in the service's repository.",
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print version and commit.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    """Keeps a fresh, read-only copy of clinics' Xero payroll in PostgreSQL."""


app.command("worker")(processes.worker)
app.command("dispatcher")(processes.dispatcher)
app.command("demo")(processes.demo)
app.command("connect")(connect)
app.command("status")(state.status)
app.command("syncs")(state.syncs)
app.command("outbox")(state.outbox)
app.command("doctor")(doctor)
app.command("pause")(pausing.pause)
app.command("resume")(pausing.resume)
app.command("pauses")(pausing.pauses)
app.add_typer(connections.app, name="connections")
app.add_typer(failures.app, name="failures")
app.add_typer(replay.app, name="replay")
app.add_typer(events.app, name="events")
app.add_typer(database.app, name="db")
app.add_typer(keys.app, name="keys")
app.add_typer(xero.app, name="xero")
app.add_typer(certificates.app, name="certificates")
if find_spec("uvicorn") is not None:  # the service's own image leaves the simulator's libraries out
    from entrypoints.cli.contract import contract_kit
    from simulator.cli import app as simulator

    app.command("contract-kit")(contract_kit)
    app.add_typer(simulator, name="simulator")


def main() -> None:
    """Run a command; what goes wrong on purpose ends in a sentence and an exit code."""
    try:
        app()
    except SettingsInvalid as error:
        complain("These settings need attention:", *error.problems)
        sys.exit(2)
    except KeyRingInvalid as error:
        complain(str(error))
        sys.exit(2)
    except LoginTooNarrow as error:
        complain(f"{error}: docs/database-roles.md")
        sys.exit(1)
    except StorageBug as error:
        complain(f"The database refuses: {error}. 42501 is a login without the role: docs/database-roles.md")
        sys.exit(1)
    except ServiceError as error:
        complain(str(error))
        sys.exit(3)
