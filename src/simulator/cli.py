"""The simulator's commands; the service's own command line mounts them as `allie-xero simulator`."""

import socket
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from simulator.client import CLIENT_ID, CLIENT_SECRET
from simulator.server import LOOPBACK, listening, run
from simulator.settings import Settings, patched
from simulator.world import World, add_demo_data

app = typer.Typer(help="A Xero on loopback, for tests, demos and development.", no_args_is_help=True)


@app.command()
def serve(  # noqa: PLR0917 -- options, not arguments
    port: Annotated[int, typer.Option(help="0 picks a free one.")] = 8090,
    host: Annotated[
        str, typer.Option(help="Listen here; anything but loopback is for containers.")
    ] = LOOPBACK,
    seed: Annotated[int, typer.Option(help="The same seed and calls give the same answers.")] = 1,
    scale: Annotated[float, typer.Option(help="How many times faster limit windows pass.")] = 1.0,
    policy: Annotated[str, typer.Option(help="grace-all, grace-latest or strict.")] = "grace-latest",
    demo_data: Annotated[bool, typer.Option("--demo-data", help="Start with some clinics.")] = False,
    descriptor: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a simulator until it is interrupted."""
    try:
        settings = patched(Settings(), {"limit_scale": scale, "rotation_policy": policy})
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error
    world = World(seed, settings)
    if demo_data:
        add_demo_data(world)
    if descriptor is not None:
        run(world, socket.socket(fileno=descriptor), while_stdin_open=True)
        return
    with listening(host, port) as listener:
        typer.echo(f"Simulated Xero on http://{host}:{listener.getsockname()[1]}")
        typer.echo(f"client id {CLIENT_ID}, client secret {CLIENT_SECRET}")
        for clinic in world.clinics.values():
            organisation = clinic.organisation
            typer.echo(f"{organisation.region}  {organisation.id}  {organisation.name}")
        run(world, listener)


@app.command()
def conformance(
    folder: Annotated[Path, typer.Argument(help="Holds Xero's description files, xero-payroll-au.yaml …")],
) -> None:
    """Check every reply against Xero's published descriptions; exit with 1 if one differs."""
    from simulator.conformance import check_folder  # noqa: PLC0415 -- needs YAML and a schema validator

    try:
        verdicts = check_folder(folder)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from error
    for verdict in verdicts:
        mark = "not served" if verdict.not_served else f"{verdict.replies} replies"
        typer.echo(f"{'ok' if verdict.passed else 'WRONG':6}{verdict.api:24}{verdict.path:64}{mark}")
        for line in [verdict.not_served] if verdict.not_served else verdict.violations[:20]:
            typer.echo(f"{'':30}{line}")
    typer.echo("\nContradictions in the descriptions themselves, excused:")
    for excuse in sorted({excuse for verdict in verdicts for excuse in verdict.excuses}):
        typer.echo(f"  {excuse}")
    wrong = sum(not verdict.passed for verdict in verdicts)
    served = sum(bool(verdict.replies) for verdict in verdicts)
    typer.echo(
        f"\n{len(verdicts)} paths: {served} validated, {len(verdicts) - served} not served, {wrong} wrong"
    )
    if wrong:
        raise typer.Exit(1)
