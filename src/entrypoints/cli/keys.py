"""The key ring: what changes it, and what others need of it."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.crypto.documents import change_document
from adapters.crypto.generation import (
    KeyRefused,
    KeyUse,
    new_document,
    with_new_key,
    with_primary,
    without_key,
)
from adapters.crypto.keyring import JsonKeyRing, write_document
from adapters.crypto.published import published
from adapters.postgres.reports import Reports
from entrypoints.cli import key_use
from entrypoints.cli.output import complain, console, print_json
from entrypoints.keys import source_of
from entrypoints.settings import database_url, keyring

app = typer.Typer(help="The keys that seal tokens and sign certificates.", no_args_is_help=True)
app.command("status")(key_use.status)
app.command("rewrap")(key_use.rewrap)
app.command("audit")(key_use.audit)

RingFile = Annotated[
    Path, typer.Option("--keyring", envvar="ALLIE_XERO_KEYRING_FILE", help="The key ring's file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyId = Annotated[str, typer.Argument(help="The key's id; see: allie-xero keys status")]


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


@app.command()
def add(
    path: RingFile,
    use: Annotated[KeyUse, typer.Argument(help="What the key is for.")] = KeyUse.SEALING,
    as_json: AsJson = False,
) -> None:
    """
    Add a key. A sealing key seals once it is promoted; a signing or receiving key is in use at once.

    Example: allie-xero keys add sealing --keyring keyring.json
    """
    made: list[str] = []

    def change(document: dict[str, Any]) -> Mapping[str, Any]:
        changed, key_id = with_new_key(document, use)
        made.append(key_id)
        return changed

    _change(path, change)
    _say(as_json, f"Added {made[-1]}.", key=made[-1], use=use)
    if use is KeyUse.SEALING and not as_json:
        console.print(f"When every process has it: allie-xero keys promote {made[-1]}")


@app.command()
def promote(key_id: KeyId, path: RingFile, as_json: AsJson = False) -> None:
    """
    Let a sealing key seal from now on; the others go on opening.

    Example: allie-xero keys promote kek-20261124-1a2b3c
    """
    _change(path, lambda document: with_primary(document, key_id))
    _say(as_json, f"{key_id} seals from now on. Next: allie-xero keys rewrap", primary=key_id)


@app.command()
def retire(key_id: KeyId, path: RingFile, as_json: AsJson = False) -> None:
    """
    Remove a sealing or receiving key that nothing needs any more.

    Refuses a key that still seals something in the database, that seals from now on or did ten minutes ago,
    and the only receiving key. Backups from before the rewrap need it: keep a copy apart as long as those.

    Example: allie-xero keys retire kek-20260101-4d5e6f
    """
    with closing(Reports(database_url(os.environ))) as reports:
        in_use = reports.token_sets_by_key()
    _change(path, lambda document: without_key(document, key_id, in_use))
    _say(as_json, f"Retired {key_id}.", retired=key_id)


@app.command()
def public() -> None:
    """
    Print, as JSON, what others need: keys to seal token sets to, and keys that verify certificates.

    Example: allie-xero keys public > public.json
    """
    print_json(published(source_of(*keyring(os.environ)).read()))


def _change(path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    if path.is_dir():
        complain(f"{path} is a directory of mounted secrets: change the ring where those come from.")
        raise typer.Exit(1)

    def checked(document: dict[str, Any]) -> Mapping[str, Any]:
        JsonKeyRing.from_document(document)
        changed = change(document)
        JsonKeyRing.from_document(changed)
        return changed

    try:
        change_document(path, checked)
    except KeyRefused as error:
        complain(f"Refused: {error}.")
        raise typer.Exit(1) from None


def _say(as_json: bool, words: str, **facts: str) -> None:
    if as_json:
        print_json(facts)
    else:
        console.print(words)
