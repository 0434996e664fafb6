"""A worker whose clock is an hour ahead of the database's does all it should; see tokens/test_clock.py."""

from datetime import UTC, datetime, timedelta

from deployment.clinic import CLINIC, connect, is_backfilled, rows, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import differences
from services.faketime import wrong_clock
from simulator.client import Control

AN_HOUR = timedelta(hours=1)
WHILE_IT_RAN = timedelta(minutes=10)

KEPT_TIMES = """
SELECT connected_at, disconnected_at, issued_at
  FROM allie_xero.connection JOIN allie_xero.certificate ON connection_id = connection.id
"""


def test_a_clinic_comes_is_followed_and_goes_by_the_databases_clock(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    organisation = control.create_organisation(staff=4, runs=3, seed=11)
    service.only["worker"] = wrong_clock(AN_HOUR)
    service.start_dispatcher()
    worker = service.start_worker()

    connect(control, main_platform, organisation)
    until(lambda: is_backfilled(main_platform), "the backfill")
    assert differences(control.truth(organisation.tenant_id), database_url, CLINIC) == []
    main_platform.publish("disconnect", {"clinic_id": CLINIC})
    until(lambda: value(database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")
    until(lambda: main_platform.events("connection-changed", status="disconnected"), "the disconnect")
    service.kill(worker)  # told to stop, it would wait on semaphores, which libfaketime lets last an hour

    said = [datetime.fromisoformat(event["time"]) for event in main_platform.events("connection-changed")]
    [kept] = rows(database_url, KEPT_TIMES)
    now = datetime.now(UTC)
    assert all(now - WHILE_IT_RAN < time <= now for time in [*said, *kept])
