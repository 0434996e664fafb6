"""What the keys seal in the database, who opened it, and moving it to another key."""

import getpass
import os
import socket
import time
from contextlib import ExitStack, closing
from typing import Annotated

import typer
from rich.progress import Progress

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.signing import LiveSigner
from adapters.crypto.sources import LiveKeyRing
from adapters.postgres.engine import open_engine
from adapters.postgres.reports import Reports
from adapters.postgres.transaction import Origin, Storage, postgres_transaction
from domain.model.rewrapping import Rewrapped
from domain.use_cases.rewrap_keys import rewrap_keys
from entrypoints.cli.output import complain, console, errors, print_json, print_rows, table
from entrypoints.keys import source_of
from entrypoints.settings import database_url, environment, keyring

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

PASSES = 20
PAUSE_S = 0.5
"""Rows that are being refreshed are left out of a pass; a refresh holds its row for moments only."""


def status(as_json: AsJson = False) -> None:
    """
    Which keys there are, and how many token sets each seals. Exit code 1 if a key is missing.

    Example: allie-xero keys status --json
    """
    ring = source_of(*keyring(os.environ)).read()
    in_use = _in_use()
    sealing = [
        {
            "id": one,
            "role": "primary" if one == ring.primary_id else "opens",
            "token_sets": in_use.get(one, 0),
        }
        for one in ring.keys
    ]
    missing = [
        {"id": one, "role": "MISSING", "token_sets": count}
        for one, count in in_use.items()
        if one not in ring.keys
    ]
    rest = {
        "promoted_at": ring.promoted_at,
        "signing": ring.signing_id,
        "verifying": sorted(ring.verifying),
        "receiving": [one["kid"] for one in ring.receiving],
        "senders": [one["kid"] for one in ring.senders],
    }
    if as_json:
        print_json({"sealing": sealing, "missing": missing, **rest})
    else:
        columns = ("id", "role", "token_sets")
        print_rows("Keys that seal tokens", columns, [*sealing, *missing], "No key seals.")
        shown = [
            [name, ", ".join(value) if isinstance(value, list) else value] for name, value in rest.items()
        ]
        console.print(table("Other keys", ("", ""), shown))
    if missing:
        complain("Token sets are sealed with keys that are not in this ring: put them back.")
        raise typer.Exit(1)


def rewrap(as_json: AsJson = False) -> None:
    """
    Seal every data key anew with the primary key, while the service runs. Stop and start it as you like.

    Needs the key ring, and a login with the dispatcher's role. Exit code 1 if some are left.

    Example: allie-xero keys rewrap
    """
    ring = LiveKeyRing(source_of(*keyring(os.environ)))
    with ExitStack() as stack:
        storage = _storage(ring)
        stack.callback(storage.engine.dispose)
        total = sum(_in_use().values())
        bar = stack.enter_context(Progress(console=errors, transient=True, disable=as_json))
        task = bar.add_task("Rewrapping", total=total)
        moved = 0
        for _ in range(PASSES):
            done = rewrap_keys(
                transaction=postgres_transaction(storage),
                note=lambda so_far: bar.update(task, completed=so_far.moved),
            )
            moved += done.moved
            left = sum(count for key, count in _in_use().items() if key != ring.primary_id)
            if left <= done.unreadable:
                break
            time.sleep(PAUSE_S)
    _report(as_json, moved, left, done)


def _report(as_json: bool, moved: int, left: int, last: Rewrapped) -> None:
    if as_json:
        print_json({"moved": moved, "left": left, "unreadable": last.unreadable})
    else:
        console.print(f"{moved:,} data keys were moved to the primary key, {left:,} are left.")
    if last.unreadable:
        complain(f"{last.unreadable:,} cannot be opened: see the runbook DecryptFailure.")
    if left:
        raise typer.Exit(1)


def audit(
    clinic: Annotated[str | None, typer.Option(help="Of this clinic only.")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """
    Who opened token sets, for what and for which message; newest first.

    Example: allie-xero keys audit --clinic clinic-17
    """
    with closing(Reports(database_url(os.environ))) as reports:
        found = reports.openings(clinic, limit)
    if as_json:
        print_json(found)
        return
    columns = ("at", "clinic_id", "action", "purpose", "message_id", "process")
    print_rows("Token sets, who and why", columns, found, "No token set was opened yet.")


def _in_use() -> dict[str, int]:
    with closing(Reports(database_url(os.environ))) as reports:
        return reports.token_sets_by_key()


def _storage(ring: LiveKeyRing) -> Storage:
    who = Origin(
        process=f"cli@{socket.gethostname()}:{os.getpid()}", purpose=f"rewrap by {getpass.getuser()}"
    )
    return Storage(
        engine=open_engine(database_url(os.environ), pool_size=1, pooled=True),
        cipher=EnvelopeCipher(ring, environment(os.environ)),
        signer=LiveSigner(lambda: ring.ring),
        origin=lambda: who,
    )
