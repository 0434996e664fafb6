"""
A hundred clinics and a fault every few seconds, for as long as one likes: nothing breaks, and nothing grows.

`SOAK_MINUTES` says how long, `SOAK_SEED` which faults in which order, `SOAK_FAULT_SECONDS` how far apart.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from adapters.postgres.migrate import migrate
from deployment.clinic import rows, value
from deployment.platform import platform
from deployment.processes import deployed, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.proxy import proxied
from simulator.server import running
from soak.chaos import World, settle
from soak.gauge import Watch

MINUTES = float(os.environ.get("SOAK_MINUTES", "2"))
SEED = int(os.environ.get("SOAK_SEED", "48"))
CLINICS = int(os.environ.get("SOAK_CLINICS", "100"))
FAULT_EVERY_S = float(os.environ.get("SOAK_FAULT_SECONDS", "5" if MINUTES < 30 else "30"))
LIFE_EVERY_S = 0.25

WARM_UP = 0.25
LONG_ENOUGH_MINUTES = 60
SLOPE_MB_AN_HOUR = 1.0
SHORT_GROWTH_MB = 8.0
"""In minutes a slope cannot be told from the noise of a process that is still warming up."""

FILES = 3
SHORT_FILES = 32
"""A thread opens its connection for publishing, which is four files, when it first has to."""

PATIENCE_S = 240.0

OPEN = """
SELECT error, place, subject, state FROM allie_xero.failure
 WHERE state NOT IN ('resolved', 'discarded') AND place NOT LIKE 'queue:%%'
"""
POISON = "SELECT count(*) FROM allie_xero.failure WHERE state = 'quarantined' AND place LIKE 'queue:%%'"


@pytest.fixture
def world(tmp_path: Path, rabbitmq_node: PrivateRabbitmq) -> Iterator[World]:
    with ExitStack() as stack:
        postgres = stack.enter_context(PrivatePostgres())
        migrate(postgres.url)
        vhost = rabbitmq_node.add_vhost("soak")
        stack.callback(rabbitmq_node.delete_vhost, "soak")
        xero = stack.enter_context(running(minute_limit=120, day_limit=100_000))
        played = stack.enter_context(platform(vhost))
        database, database_url = stack.enter_context(proxied(postgres.url))
        broker, amqp_url = stack.enter_context(proxied(vhost))
        service = stack.enter_context(deployed(tmp_path, database_url, amqp_url, xero.url))
        yield World(Random(SEED), xero.control, played, service, postgres, rabbitmq_node, database, broker)


def test_a_hundred_clinics_survive_chaos(world: World) -> None:
    lasting = [
        world.service.start_dispatcher("dispatcher-lasting"),
        world.service.start_worker("worker-lasting"),
    ]
    for name in ("dispatcher", "worker"):
        world.restart(name)
    for number in range(CLINICS):
        clinic = f"clinic-{number:03d}"
        world.clinics[clinic] = world.control.create_organisation(staff=2, runs=2, seed=SEED + number)
        world.come(clinic)
    watches = [Watch(one) for one in lasting]
    for watch in watches:
        watch.start()

    until_then = time.monotonic() + MINUTES * 60
    next_fault = time.monotonic() + FAULT_EVERY_S
    while time.monotonic() < until_then:
        world.live()
        if time.monotonic() > next_fault:
            world.suffer()
            next_fault = time.monotonic() + FAULT_EVERY_S
        time.sleep(LIFE_EVERY_S)
        assert all(one.running for one in lasting), f"a process ended: {world.happened[-5:]}"

    settle(world, PATIENCE_S)
    everything_is_as_at_the_source(world)
    for watch in watches:
        watch.stop()
    nothing_broke(world)
    nothing_grew(watches)


def everything_is_as_at_the_source(world: World) -> None:
    """After one reconcile of each clinic."""
    for clinic in world.clinics:
        wish = {"clinic_id": clinic, "mode": "reconcile", "requested_by": "the end"}
        world.platform.publish("sync-requested", wish)
    for clinic, organisation in world.clinics.items():
        truth = world.control.truth(organisation.tenant_id)
        until(
            lambda one=clinic, is_so=truth: not differences(is_so, world.postgres.url, one),  # type: ignore[misc]
            f"the truth of {clinic}",
            patience=PATIENCE_S,
        )


def nothing_broke(world: World) -> None:
    """The invariants; see docs/faults.md."""
    overlaps = sum(family["overlaps"] for family in world.control.tokens())
    assert overlaps == 0, "T1: one token request at a time"
    try:
        until(lambda: not rows(world.postgres.url, OPEN), "the end of every failure", patience=PATIENCE_S)
    except AssertionError:
        assert rows(world.postgres.url, OPEN) == [], f"after {world.happened}"
    until(lambda: value(world.postgres.url, POISON) == world.poison, "a row for all poison")
    said = Counter((event["id"], str(event["data"])) for event in list(world.platform.heard))
    assert len({event_id for event_id, _ in said}) == len(said), "what is sent twice says the same twice"


def nothing_grew(watches: list[Watch]) -> None:
    """Memory, files and connections of the processes that lived through it all."""
    for watch in watches:
        if MINUTES >= LONG_ENOUGH_MINUTES:
            assert watch.megabytes_an_hour(after=MINUTES * 60 * WARM_UP) < SLOPE_MB_AN_HOUR
            assert watch.files_grown() <= FILES
        else:
            assert watch.megabytes_grown() < SHORT_GROWTH_MB
            assert watch.files_grown() <= SHORT_FILES
