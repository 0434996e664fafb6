"""The database dies at once in the middle of a refresh's COMMIT: it has happened, or it has not."""

import os
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest

from deployment.processes import until
from entrypoints.local.postgres import PrivatePostgres
from simulator.server import running
from tokens.fleet import A_MINUTE, Fleet, fleet
from tokens.victim import GO_ON, STOP, refresh_and_die

VERSION = "SELECT version FROM allie_xero.credential"


@pytest.fixture
def clinics(own_postgres: PrivatePostgres) -> Iterator[Fleet]:
    with running(limits=False) as simulator, fleet(own_postgres.url, simulator.control) as found:
        yield found


@pytest.mark.parametrize(
    ("point", "version", "found"), [("before-commit", 0, 1), ("after-commit-sent", 1, 0)]
)
def test_a_database_that_dies_during_a_commit_costs_no_connection(
    clinics: Fleet, own_postgres: PrivatePostgres, point: str, version: int, found: int
) -> None:
    clinics.control.settings(rotation_policy="grace-latest")
    [job] = clinics.connect("clinic-1").values()
    holder = clinics.start(refresh_and_die, job, point, STOP)
    stopped = psutil.Process(holder.pid)
    until(lambda: stopped.status() == psutil.STATUS_STOPPED, "the stop")
    own_postgres.kill()
    own_postgres.start()
    assert holder.pid is not None
    os.kill(holder.pid, GO_ON)
    holder.join(60)
    assert holder.exitcode == 0

    assert clinics.ask(VERSION) == [(version,)]
    assert len(clinics.in_doubt()) == found
    presented = clinics.presentations()
    for _ in range(4):
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    assert clinics.presentations() - presented == found, "presented again only where nothing is known"
    clinics.pass_time(timedelta(days=2))
    assert clinics.keep_alive() == ["refreshed"]
    assert clinics.statuses() == {"clinic-1": "active"}
