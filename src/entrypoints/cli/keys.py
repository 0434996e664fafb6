"""The key ring."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.crypto.generation import new_document
from adapters.crypto.keyring import write_document
from entrypoints.cli.output import complain, console

app = typer.Typer(help="The keys that seal tokens and sign certificates.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `generate` a subcommand."""


@app.command()
def generate(
    path: Annotated[Path, typer.Argument(help="Where to write it; it must not exist.")],
    if_missing: Annotated[bool, typer.Option("--if-missing", help="Leave one that exists alone.")] = False,
) -> None:
    """
    Make a new key ring that only you can read.

    Example: allie-xero keys generate keyring.json
    """
    try:
        write_document(path, new_document())
    except FileExistsError:
        if if_missing:
            console.print(f"{path} exists; left as it is.")
            return
        complain(f"{path} exists. Its keys open tokens that are in the database: it is not overwritten.")
        raise typer.Exit(1) from None
    console.print(
        f"Wrote {path}. Keep a copy apart from the database: without it, every clinic must reconnect."
    )
