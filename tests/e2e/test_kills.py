"""SIGKILL at any moment of a first sync: it ends complete and equal, and no event is lost or doubled."""

import random
import time
from collections import Counter

from deployment.clinic import CLINIC, connect, is_backfilled
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import differences
from simulator.client import Control

KILLS = 20
SEED = 20

LONGEST_BACKOFF_S = 900
"""After twenty deaths in a row without a batch saved; most runs save one, and need none of it."""


def test_a_first_sync_survives_twenty_kills(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    chance = random.Random(SEED)
    control.settings(latency=0.03)
    organisation = control.create_organisation(staff=12, runs=16, seed=5)
    service.start_dispatcher()
    connect(control, main_platform, organisation)

    for _ in range(KILLS):
        worker = service.start_worker()
        time.sleep(chance.uniform(0, 1.5))
        service.kill(worker)
    service.start_worker()
    until(lambda: is_backfilled(main_platform), "the backfill", patience=LONGEST_BACKOFF_S + 60)

    assert differences(control.truth(organisation.tenant_id), database_url, CLINIC) == []
    assert set(Counter(event["id"] for event in main_platform.heard).values()) == {1}
    assert len(main_platform.events("connection-changed")) == 1
    assert len(main_platform.events("sync-finished", mode="changes")) == 1


def test_what_takes_longer_than_the_lease_is_saved_in_parts_while_it_is_held(
    service: Deployment, main_platform: Platform, control: Control
) -> None:
    control.settings(latency=0.15)  # so 192 payslips take twice the lease, four at a time
    organisation = control.create_organisation(staff=12, runs=16, seed=5)
    service.start_dispatcher()
    service.start_worker()
    connect(control, main_platform, organisation)

    until(lambda: is_backfilled(main_platform), "the backfill")
    assert '"outcome":"fenced"' not in service.logs
