"""Each part is away for a while, in the middle of a first sync: the service waits for it and goes on."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import pytest

from deployment.clinic import CLINIC, connect, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, pids_of, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from faults.conftest import Wired
from services.crashing import crash
from simulator.client import Control
from simulator.server import Running

AWAY_S = float(os.environ.get("OUTAGE_SECONDS", "12"))
FLAPS = int(os.environ.get("FLAPS", "6"))
BUSY = 0.10
RECOVERED_WITHIN_S = 30.0

LINES = "SELECT count(*) FROM allie_xero.pay_line"
SEED = 34

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["xero", "database", "broker"])
def outage(
    request: pytest.FixtureRequest,
    own_postgres: PrivatePostgres,
    rabbitmq_node: PrivateRabbitmq,
    xero: Running,
) -> tuple[str, Outage]:
    @contextmanager
    def without_xero() -> Iterator[None]:
        xero.control.inject("status", status=503)
        yield
        xero.control.clear_faults()

    @contextmanager
    def without_database() -> Iterator[None]:
        own_postgres.kill()
        yield
        own_postgres.start()

    @contextmanager
    def without_broker() -> Iterator[None]:
        crash(rabbitmq_node)
        yield
        rabbitmq_node.start()

    return request.param, {
        "xero": without_xero,
        "database": without_database,
        "broker": without_broker,
    }[request.param]


def cpu_seconds(service: Deployment) -> float:
    """What all of its processes have used."""
    processes = [psutil.Process(pid) for one in service.running for pid in pids_of(one)]
    return sum(times.user + times.system for times in (one.cpu_times() for one in processes))


def is_ready(service: Deployment) -> bool:
    return not service.problems("worker") and not service.problems("dispatcher")


def test_a_sync_goes_on_by_itself_after_an_outage(
    outage: tuple[str, Outage],
    service: Deployment,
    main_platform: Platform,
    xero: Running,
    own_postgres: PrivatePostgres,
) -> None:
    part, away = outage
    control: Control = xero.control
    control.settings(latency=0.05)
    organisation = control.create_organisation(staff=10, runs=14, seed=9)
    service.start_dispatcher()
    service.start_worker()
    connect(control, main_platform, organisation)
    until(lambda: value(own_postgres.url, LINES), "the first lines")
    pids = [pids_of(one) for one in service.running]

    with away():
        time.sleep(AWAY_S / 3)
        used = cpu_seconds(service)
        time.sleep(AWAY_S * 2 / 3)
        idle_for = AWAY_S * 2 / 3 * len(service.running)
        assert (cpu_seconds(service) - used) / idle_for < BUSY, "it waits without being busy"
        assert is_ready(service) == (part == "xero"), "a Xero that is away is weather, and no reason to stop"

    until(lambda: is_ready(service), "readiness", patience=RECOVERED_WITHIN_S)
    until(lambda: is_backfilled(main_platform), "the backfill", patience=150)
    assert [pids_of(one) for one in service.running] == pids, "nothing was started again"
    truth = control.truth(organisation.tenant_id)
    assert differences(truth, own_postgres.url, CLINIC) == []
    assert len(main_platform.events("connection-changed")) == 1


def test_nothing_is_lost_or_doubled_while_the_network_flaps(
    wired: Wired, main_platform: Platform, xero: Running, own_postgres: PrivatePostgres
) -> None:
    chance = random.Random(SEED)
    control, service = xero.control, wired.service
    control.settings(latency=0.05)
    organisation = control.create_organisation(staff=10, runs=14, seed=9)
    service.start_dispatcher()
    service.start_worker()
    pids = [pids_of(one) for one in service.running]
    connect(control, main_platform, organisation)
    asked = []

    for flap in range(FLAPS):
        cable = chance.choice([wired.database, wired.broker])
        cable.down()
        for number in range(5):
            stranger = {"clinic_id": f"nobody-{flap}-{number}"}
            asked.append(main_platform.publish("sync-requested", stranger))
        time.sleep(2.5)
        cable.up()
        time.sleep(2.5)

    until(lambda: is_ready(service), "readiness", patience=RECOVERED_WITHIN_S)
    until(lambda: is_backfilled(main_platform), "the backfill", patience=150)
    until(lambda: main_platform.replies(asked).keys() == set(asked), "the answers")
    assert set(main_platform.replies(asked).values()) == {1}, "one effect of each event"
    assert differences(control.truth(organisation.tenant_id), own_postgres.url, CLINIC) == []
    assert value(own_postgres.url, "SELECT count(*) FROM allie_xero.failure WHERE state = 'failed'") == 0
    assert [pids_of(one) for one in service.running] == pids, "nothing was started again"
