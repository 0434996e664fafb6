"""A process that refreshes a token set on the real adapters, and is killed or stopped on its way."""

import select
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from random import Random
from threading import Thread, get_ident
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from adapters.postgres import credentials
from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.responses import Response
from domain.errors import RefreshBusy, ServiceError
from domain.messages import KeepAlive
from domain.model.ids import ClinicId, CredentialId
from domain.use_cases.refresh_tokens import Refresh
from entrypoints.bootstrap import build_application
from entrypoints.metrics import Metrics
from entrypoints.settings import load

POINTS = (
    "before-lease",
    "after-lease",
    "after-intent",
    "after-send",
    "after-server-rotated",
    "after-answer",
    "after-encrypt",
    "before-update",
    "before-commit",
    "after-commit-sent",
    "after-commit",
    "after-lease-release",
)
"""
The twelve points of a refresh.

Lease and intent are one statement in one transaction, and so are the new tokens and the lease's release: the
point after the lease is before that transaction's commit, and the last is after the use case has returned.
"""

CLAIM, SAVE = 1, 2
"""The statements on the credential's row that a refresh makes, by number."""

Reach = Callable[[str], None]


def refresh_and_die(environment: Mapping[str, str], job: KeepAlive, point: str, number: int) -> None:
    """Keep a token set alive; get signal `number` at that point."""

    def reach(reached: str) -> None:
        if reached == point:
            signal.pthread_kill(get_ident(), number)  # this very thread goes no further

    _watch_database(reach, point)
    _watch_xero(reach)
    with ExitStack() as closing, suppress(ServiceError):
        application(environment, closing).keep_alive(job)
        reach("after-lease-release")


def refresh_all(
    environment: Mapping[str, str], connections: list[tuple[ClinicId, CredentialId]], seed: int, threads: int
) -> None:
    """Several workers in one process: each wants every token set fresh, in an order of its own."""
    with ExitStack() as closing:
        refresh: Refresh = application(environment, closing).keep_alive.keywords["refresh"]
        workers = [
            Thread(target=_refresh_each, args=(refresh, Random(f"{seed} {number}").sample(connections, k)))
            for number in range(threads)
            if (k := len(connections))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def _refresh_each(refresh: Refresh, connections: list[tuple[ClinicId, CredentialId]]) -> None:
    for clinic_id, credential_id in connections:
        with suppress(RefreshBusy):
            refresh(clinic_id, credential_id)


def application(environment: Mapping[str, str], closing: ExitStack) -> Any:
    """The service, in this process."""
    return build_application(
        load(environment), metrics=Metrics(), stopping=lambda: False, process="victim", closing=closing
    )


def _watch_database(reach: Reach, point: str) -> None:
    """The points at the database: what is sent, and what is about to be."""
    begun = 0
    seal, commit = vars(credentials)["sealed"], psycopg.Connection.commit

    def before(*arguments: Any) -> None:
        nonlocal begun
        if arguments[2].startswith("UPDATE allie_xero.credential SET"):
            begun += 1
            reach({CLAIM: "before-lease", SAVE: "before-update"}.get(begun, ""))

    def after(*arguments: Any) -> None:
        if arguments[2].startswith("UPDATE allie_xero.credential SET"):
            reach({CLAIM: "after-lease", SAVE: "before-commit"}.get(begun, ""))

    def sealed_then(*arguments: Any) -> Any:
        row = seal(*arguments)
        reach("after-encrypt")
        return row

    def commit_then(connection: Any) -> None:
        if begun == SAVE and point == "after-commit-sent":
            connection.pgconn.send_query(b"COMMIT")
            connection.pgconn.flush()
            reach(point)
        commit(connection)
        reach("after-commit" if begun == SAVE else "")

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    setattr(credentials, "sealed", sealed_then)  # noqa: B010
    setattr(psycopg.Connection, "commit", commit_then)  # noqa: B010


def _watch_xero(reach: Reach) -> None:
    """The points at Xero's token endpoint."""
    refresh, begin = XeroAuthorizer.refresh, Response.begin

    def refresh_then(authorizer: Any, token: Any) -> Any:
        reach("after-intent")
        tokens = refresh(authorizer, token)
        reach("after-answer")
        return tokens

    def begin_then(response: Response) -> None:
        reach("after-send")
        select.select([response._sock], [], [], 30)
        reach("after-server-rotated")
        begin(response)

    setattr(XeroAuthorizer, "refresh", refresh_then)  # noqa: B010 - mypy lets no method be replaced
    setattr(Response, "begin", begin_then)  # noqa: B010


KILL, STOP, GO_ON = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT
