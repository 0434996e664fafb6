"""Workers that die: what they had is worked elsewhere, once, and what kills them is set aside."""

import psycopg

from deployment.clinic import rows, value
from deployment.mortal import AFTER_COMMIT, AT_START
from deployment.platform import Platform
from deployment.processes import Deployment, until
from entrypoints.local.postgres import PrivatePostgres
from faults.conftest import Wired

NEIGHBOURS = 12
FAILURES = "SELECT state, place, subject FROM allie_xero.failure"

LOCK = "LOCK TABLE allie_xero.connection"
WAITING = "FROM pg_stat_activity WHERE application_name = 'allie-xero worker' AND wait_event_type = 'Lock'"
BEGUN, LET_GO = f"SELECT pid {WAITING}", f"SELECT pg_terminate_backend(pid) {WAITING}"
STARTS = "SELECT attempts FROM allie_xero.inbox"
NOT_DONE = "message not done"


def test_an_event_that_kills_its_worker_is_set_aside_after_three_deaths_and_its_neighbours_are_not(
    service: Deployment, main_platform: Platform, own_postgres: PrivatePostgres
) -> None:
    service.start_dispatcher()
    deadly = main_platform.publish("sync-requested", {"clinic_id": "nobody", "requested_by": AT_START})
    others = [
        main_platform.publish("sync-requested", {"clinic_id": f"nobody-{n}"}) for n in range(NEIGHBOURS)
    ]
    deaths = 0
    while not rows(own_postgres.url, FAILURES):
        worker = service.start_mortal_worker()
        until(lambda one=worker: not one.running or rows(own_postgres.url, FAILURES), "its death")  # type: ignore[misc]
        deaths += not worker.running
    until(lambda: main_platform.replies(others).keys() >= set(others), "the neighbours' answers")
    assert deaths == 3
    assert rows(own_postgres.url, FAILURES) == [("failed", "allie.xero.sync-requested.v1", deadly)]
    assert len(main_platform.events("connection-changed")) == NEIGHBOURS


def test_a_worker_that_dies_between_commit_and_acknowledgement_leaves_one_effect(
    service: Deployment, main_platform: Platform, own_postgres: PrivatePostgres
) -> None:
    service.start_dispatcher()
    worker = service.start_mortal_worker()
    event = main_platform.publish("sync-requested", {"clinic_id": "nobody", "requested_by": AFTER_COMMIT})
    until(lambda: not worker.running, "its death")
    service.start_mortal_worker()
    until(lambda: 'outcome="duplicate"' in service.scrape("worker"), "the second delivery")
    assert main_platform.replies([event]) == {event: 1}
    assert len(main_platform.events("connection-changed")) == 1
    assert rows(own_postgres.url, FAILURES) == []


def test_a_database_that_is_lost_while_a_suspect_is_worked_is_no_death(
    wired: Wired, main_platform: Platform, own_postgres: PrivatePostgres
) -> None:
    service, url = wired.service, own_postgres.url
    service.start_dispatcher()
    worker = service.start_worker()
    with psycopg.connect(own_postgres.libpq_url) as holder:
        holder.execute(LOCK)
        event = main_platform.publish("sync-requested", {"clinic_id": "nobody"})
        until(lambda: rows(url, BEGUN), "the first start")
        service.kill(worker)
        until(lambda: not rows(url, LET_GO), "the end of what it left")
        service.start_worker()
        for _ in range(3):
            until(lambda: rows(url, BEGUN), "a start")
            tried = service.logs.count(NOT_DONE)
            wired.database.down()
            until(lambda tried=tried: service.logs.count(NOT_DONE) > tried, "its end")  # type: ignore[misc]
            until(lambda: not rows(url, LET_GO), "the end of what it left")
            assert value(url, STARTS) == 1, "the database was told of a start, and of no end"
            wired.database.up()
    until(lambda: main_platform.replies([event]), "the answer")
    until(lambda: value(url, STARTS) == 0, "the last end")
    assert main_platform.replies([event]) == {event: 1}
    assert rows(url, FAILURES) == []
