"""SIGTERM in the middle of work: a worker ends in time, and others work the rest."""

import signal
import time

from deployment.clinic import CLINIC, connect, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from simulator.server import Running

GRACE_S = 45
"""What Kubernetes gives it; see docs/operations.md."""

CLINICS = 4
HELD = "SELECT count(*) FROM allie_xero.sync_state WHERE lease_until > now()"
BUSY = "SELECT count(*) FROM allie_xero.pay_line"


def test_sigterm_under_load_ends_a_worker_in_time_and_loses_nothing(
    service: Deployment, main_platform: Platform, xero: Running, own_postgres: PrivatePostgres
) -> None:
    xero.control.settings(latency=0.1)
    service.environment["ALLIE_XERO_LEASE_SECONDS"] = "90"
    clinics = {f"{CLINIC}-{n}": xero.control.create_organisation(staff=6, runs=8) for n in range(CLINICS)}
    service.start_dispatcher()
    worker = service.start_worker()
    for clinic, organisation in clinics.items():
        connect(xero.control, main_platform, organisation, clinic)
    until(lambda: value(own_postgres.url, BUSY), "the first lines")

    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait(GRACE_S) == 0
    assert time.monotonic() - began < GRACE_S
    assert value(own_postgres.url, HELD) == 0, "it gave its leases back"

    twice = service.start_worker("twice")
    time.sleep(1.5)
    twice.send(signal.SIGTERM)
    time.sleep(0.2)
    twice.send(signal.SIGTERM)
    twice.wait(GRACE_S)

    service.environment["ALLIE_XERO_LEASE_SECONDS"] = "3"
    service.start_worker("last")
    for clinic, organisation in clinics.items():
        until(lambda clinic=clinic: is_backfilled(main_platform, clinic), "the backfill", patience=150)  # type: ignore[misc]
        assert differences(xero.control.truth(organisation.tenant_id), own_postgres.url, clinic) == []
    assert len(main_platform.events("connection-changed")) == CLINICS
