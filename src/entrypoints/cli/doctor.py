"""Look at everything that the service needs, and say what to do."""

import os
from dataclasses import asdict

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from entrypoints.cli.operating import AsJson
from entrypoints.cli.output import console, errors, print_json
from entrypoints.doctor import Check, Verdict, examine

MARKS = {Verdict.OK: "[green]ok[/]", Verdict.WARNING: "[yellow]mind[/]", Verdict.WRONG: "[bold red]wrong[/]"}


def doctor(as_json: AsJson = False) -> None:
    """
    Check settings, keys, database, migrations, permissions, clocks, broker, queues and Xero; change nothing.

    Each finding says what to do. Run it where a worker runs, with its environment. Exit code 1 if anything is
    wrong.

    Example: allie-xero doctor

    Example: kubectl exec deploy/worker -- allie-xero doctor --json
    """
    found: list[Check] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=errors, transient=True, disable=as_json) as bar:
        task = bar.add_task("Looking at settings")
        for check in examine(os.environ):
            found.append(check)
            bar.update(task, description=f"Looking on after {check.about}")
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            console.print(f"{MARKS[one.verdict]}  {one.about}: {one.found}")
            if one.advice:
                console.print(f"      {one.advice}")
    if any(one.verdict is Verdict.WRONG for one in found):
        raise typer.Exit(1)
