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
from deployment.clinic import value
from deployment.platform import platform
from deployment.processes import deployed, until
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.proxy import proxied
from simulator.server import running
from soak.calm import settle
from soak.chaos import suffer
from soak.gauge import Watch
from soak.world import World

MINUTES = float(os.environ.get("SOAK_MINUTES", "2"))
SEED = int(os.environ.get("SOAK_SEED", "48"))
CLINICS = int(os.environ.get("SOAK_CLINICS", "100"))
FAULT_EVERY_S = float(os.environ.get("SOAK_FAULT_SECONDS", "5" if MINUTES < 30 else "30"))
LIFE_EVERY_S = 0.25

WARM_UP = 0.5
LONG_ENOUGH_MINUTES = 60
SLOPE_MB_AN_HOUR = 1.0
SHORT_GROWTH_MB = 8.0
"""In minutes a slope cannot be told from the noise of a process that is still warming up."""

FILES = 3
MOST_FILES = {"dispatcher": 32, "worker": 144}
"""
A worker of four threads has twenty connections to the broker, of four files each, once every thread has had
something to publish; and for every thread a few to Xero, and one to the database.
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
        cables = {"database": database, "broker": broker}
        yield World(Random(SEED), xero.control, played, service, postgres, rabbitmq_node, cables)


def test_a_hundred_clinics_survive_chaos(world: World) -> None:
    world.tell(f"seed {SEED}: {CLINICS} clinics for {MINUTES:g} minutes, logs in {world.service.folder}")
    try:
        watches = suffer_for_long(world)
        settle(world, suffered_s=MINUTES * 60)
        nothing_broke(world)
        world.tell("nothing broke")
        for watch in watches:
            watch.stop()
            world.tell(watch.found(after=WARM_UP * MINUTES * 60))
        nothing_grew(watches)
    except BaseException as error:
        error.add_note("\n".join(world.diary))
        raise


def suffer_for_long(world: World) -> list[Watch]:
    """Clinics live while faults befall them; gives what watches the processes that must live through it."""
    watches = [
        Watch("dispatcher", world.service.start_dispatcher("dispatcher-lasting")),
        Watch("worker", world.service.start_worker("worker-lasting")),
    ]
    for name in ("dispatcher", "worker"):
        world.restart(name)
    for number in range(CLINICS):
        clinic = f"clinic-{number:03d}"
        world.clinics[clinic] = world.control.create_organisation(staff=2, runs=2, seed=SEED + number)
        world.come(clinic)
    for watch in watches:
        watch.start()
    until_then = time.monotonic() + MINUTES * 60
    next_fault = time.monotonic() + FAULT_EVERY_S
    while time.monotonic() < until_then:
        world.live()
        if time.monotonic() > next_fault:
            suffer(world)
            next_fault = time.monotonic() + FAULT_EVERY_S
        time.sleep(LIFE_EVERY_S)
        assert all(watch.process.running for watch in watches), "a process ended"
    return watches


def nothing_broke(world: World) -> None:
    """The invariants; see docs/faults.md."""
    overlaps = sum(family["overlaps"] for family in world.control.tokens())
    assert overlaps == 0, "T1: one token request at a time"
    until(lambda: value(world.postgres.url, POISON) == world.poison, "a row for all poison")
    assert "Exception in thread" not in world.service.logs, "no thread dies"
    said = Counter((event["id"], str(event["data"])) for event in list(world.platform.heard))
    assert len({event_id for event_id, _ in said}) == len(said), "what is sent twice says the same twice"


def nothing_grew(watches: list[Watch]) -> None:
    """Memory, files and connections of the processes that lived through it all."""
    for watch in watches:
        assert watch.most_files() <= MOST_FILES[watch.name]
        if MINUTES >= LONG_ENOUGH_MINUTES:
            assert watch.megabytes_an_hour(after=WARM_UP * MINUTES * 60) < SLOPE_MB_AN_HOUR
            assert watch.files_grown() <= FILES
        else:
            assert watch.megabytes_grown() < SHORT_GROWTH_MB
