"""Each part is away for a while, in the middle of a first sync: the service waits for it and goes on."""

import os
import time
from collections.abc import Callable

import pytest

from deployment.clinic import CLINIC, connect, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from simulator.client import Control
from simulator.server import Running

AWAY_S = float(os.environ.get("OUTAGE_SECONDS", "30"))


@pytest.fixture(params=["xero", "database", "broker"])
def outage(
    request: pytest.FixtureRequest,
    own_postgres: PrivatePostgres,
    rabbitmq_node: PrivateRabbitmq,
    xero: Running,
) -> Callable[[], None]:
    def without_xero() -> None:
        xero.control.inject("status", status=503)
        time.sleep(AWAY_S)
        xero.control.clear_faults()

    def without(server: PrivatePostgres | PrivateRabbitmq) -> Callable[[], None]:
        def stop_and_start() -> None:
            server.kill()
            time.sleep(AWAY_S)
            server.start()

        return stop_and_start

    return {
        "xero": without_xero,
        "database": without(own_postgres),
        "broker": without(rabbitmq_node),
    }[request.param]


def test_a_sync_goes_on_by_itself_after_an_outage(
    outage: Callable[[], None],
    service: Deployment,
    main_platform: Platform,
    xero: Running,
    own_postgres: PrivatePostgres,
) -> None:
    control: Control = xero.control
    control.settings(latency=0.05)
    organisation = control.create_organisation(staff=10, runs=14, seed=9)
    service.start_dispatcher()
    service.start_worker()
    connect(control, main_platform, organisation)
    until(lambda: value(own_postgres.url, "SELECT count(*) FROM allie_xero.pay_line"), "the first lines")

    outage()

    until(lambda: is_backfilled(main_platform), "the backfill", patience=150)
    truth = control.truth(organisation.tenant_id)
    assert differences(truth, own_postgres.url, CLINIC) == []
    assert len(main_platform.events("connection-changed")) == 1
