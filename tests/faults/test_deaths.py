"""Workers that die: what they had is worked elsewhere, once, and what kills them is set aside."""

from deployment.clinic import rows
from deployment.mortal import AFTER_COMMIT, AT_START
from deployment.platform import Platform
from deployment.processes import Deployment, until
from entrypoints.local.postgres import PrivatePostgres

NEIGHBOURS = 12
FAILURES = "SELECT state, place, subject FROM allie_xero.failure"


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
