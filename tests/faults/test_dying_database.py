"""
The database dies at once in the middle of a refresh's COMMIT: it has happened, or it has not.

It comes back, or its synchronous standby takes its place.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import psutil
import pytest

from deployment.processes import until
from entrypoints.local.postgres import PrivatePostgres
from services.standby import Standby
from simulator.server import running
from tokens.fleet import A_MINUTE, Fleet, fleet
from tokens.victim import GO_ON, STOP, refresh_and_die

VERSION = "SELECT version FROM allie_xero.credential"


@pytest.fixture
def clinics(own_postgres: PrivatePostgres) -> Iterator[Fleet]:
    with running(limits=False) as simulator, fleet(own_postgres.url, simulator.control) as found:
        yield found


@pytest.mark.parametrize("fails_over", [False, True], ids=["comes back", "fails over"])
@pytest.mark.parametrize(("point", "version"), [("before-commit", 0), ("after-commit-sent", 1)])
def test_a_database_that_dies_during_a_commit_costs_no_connection(
    clinics: Fleet, own_postgres: PrivatePostgres, point: str, version: int, fails_over: bool
) -> None:
    with ExitStack() as stack:
        standby = stack.enter_context(Standby(own_postgres)) if fails_over else None
        _die_during_a_commit(clinics, own_postgres, standby, point, version)
        assert clinics.ask(VERSION) == [(version,)]
        assert len(clinics.in_doubt()) == 1 - version
        _goes_on(clinics, expected=1 - version)


def _die_during_a_commit(
    clinics: Fleet, primary: PrivatePostgres, standby: Standby | None, point: str, version: int
) -> None:
    clinics.control.settings(rotation_policy="grace-latest")
    [job] = clinics.connect("clinic-1").values()
    holder = clinics.start(refresh_and_die, job, point, STOP)
    stopped = psutil.Process(holder.pid)
    until(lambda: stopped.status() == psutil.STATUS_STOPPED, "the stop")
    until(lambda: clinics.ask(VERSION) == [(version,)], "what the server makes of it")
    primary.kill()
    if standby is None:
        primary.start()
    else:
        standby.take_over()
    assert holder.pid is not None
    os.kill(holder.pid, GO_ON)
    holder.join(60)
    assert holder.exitcode == 0


def _goes_on(clinics: Fleet, *, expected: int) -> None:
    presented = clinics.presentations()
    for _ in range(4):
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    assert clinics.presentations() - presented == expected, "presented again only where nothing is known"
    clinics.pass_time(timedelta(days=2))
    assert clinics.keep_alive() == ["refreshed"]
    assert clinics.statuses() == {"clinic-1": "active"}
