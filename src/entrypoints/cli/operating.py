"""What commands share that write down an operator's wish: who it is, why, and a transaction without keys."""

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import typer

from adapters.postgres.engine import open_engine
from adapters.postgres.transaction import Origin, Storage, postgres_transaction
from domain.errors import SecretUnreadable
from domain.model.ids import ClinicId
from domain.model.kept_failure import FailureQuery
from domain.model.streams import Stream
from domain.ports import Transaction
from entrypoints.cli import instants
from entrypoints.cli.output import complain
from entrypoints.settings import database_url

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Operator = Annotated[
    str,
    typer.Option(
        envvar="ALLIE_XERO_OPERATOR", help="Who you are, for the audit.", default_factory=getpass.getuser
    ),
]
Reason = Annotated[str, typer.Option(help="Why, such as a ticket; it is kept.")]
Clinic = Annotated[str | None, typer.Option(help="Of this clinic only.")]
StreamName = Annotated[Stream | None, typer.Option("--stream", help="Of this stream only.")]
Fingerprint = Annotated[str | None, typer.Option(help="Of this cause only; see: allie-xero failures list")]
Since = Annotated[str | None, typer.Option(help="Last tried after: 2h, '3 days ago', 2026-11-20.")]
Until = Annotated[str | None, typer.Option(help="Last tried before: 2h, '3 days ago', 2026-11-20.")]


class NoKeys:
    """Stands where keys would be: an operator's command neither opens nor seals nor signs anything."""

    def __getattr__(self, name: str) -> Any:
        raise SecretUnreadable(f"this command holds no keys ({name})")


@contextmanager
def transactions() -> Iterator[Transaction]:
    """Transactions of an operator's login, named in the audit."""
    who = Origin(process=f"cli@{socket.gethostname()}:{os.getpid()}", purpose=f"by {getpass.getuser()}")
    keys = cast("Any", NoKeys())
    engine = open_engine(database_url(os.environ), pool_size=1, application_name="allie-xero cli")
    try:
        yield postgres_transaction(Storage(engine=engine, cipher=keys, signer=keys, origin=lambda: who))
    finally:
        engine.dispose()


def query(
    clinic: str | None, stream: Stream | None, fingerprint: str | None, since: str | None, until: str | None
) -> FailureQuery:
    """Which failures are meant; exits with 2 if a time cannot be read."""
    now = datetime.now(UTC)
    try:
        return FailureQuery(
            clinic_id=ClinicId(clinic) if clinic else None,
            stream=stream,
            fingerprint=fingerprint,
            since=instants.past(since, now),
            until=instants.past(until, now),
        )
    except ValueError as error:
        complain(f"--since or --until: {error}")
        raise typer.Exit(2) from None
