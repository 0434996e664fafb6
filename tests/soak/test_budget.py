"""
Fifty organisations, four worker processes and Xero's limits, in real time: `./run soak -k budget`.

`SOAK_SECONDS` is how long each test goes on, ten minutes unless it says otherwise.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from deployment.clinic import connect
from deployment.platform import Platform
from deployment.processes import deployed, until
from domain.model.budget import IN_FLIGHT
from simulator.client import Control
from simulator.server import running

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
TENANTS, WORKERS = 50, 4
AS_IN_PRODUCTION = {"ALLIE_XERO_THREADS": "8", "ALLIE_XERO_LEASE_SECONDS": "45"}
"""A lease that is shorter than a batch may take would let two workers at one organisation."""


def live(
    control: Control, platform: Platform, *, cut_after: float | None = None, **limits: Any
) -> dict[str, Any]:
    """Clinics connect, are read, and ask for more now and then; gives what Xero counted."""
    random = Random(1)
    for number in range(TENANTS):
        made = control.create_exact_organisation(staff=8, runs=80, timesheets="none")
        connect(control, platform, made, f"clinic-{number}")
    until(lambda: connected(platform) == TENANTS, "all connections", patience=300)
    end = time.monotonic() + SECONDS
    cut_at = time.monotonic() + (SECONDS if cut_after is None else cut_after * SECONDS)
    is_cut = cut_after is None
    while time.monotonic() < end:
        platform.publish("sync-requested", {"clinic_id": f"clinic-{random.randrange(TENANTS)}"})
        time.sleep(2)
        if not is_cut and time.monotonic() > cut_at:
            control.settings(**limits)
            is_cut = True
    return control.counts()


def connected(platform: Platform) -> int:
    """How many clinics are."""
    return len(platform.events("connection-changed", status="active"))


def refused(control: Control) -> Counter[tuple[str, str]]:
    """Refusals by tenant and minute."""
    return Counter((row["tenant"], row["at"][:16]) for row in control.ledger(status=429, limit=100_000))


def test_fifty_tenants_on_four_processes_are_never_refused(
    tmp_path: Path, database_url: str, vhost_url: str, main_platform: Platform
) -> None:
    with (
        running(ledger_size=1_000_000, latency=0.2) as xero,
        deployed(tmp_path, database_url, vhost_url, xero.url, **AS_IN_PRODUCTION) as service,
    ):
        service.start_dispatcher()
        for number in range(WORKERS):
            service.start_worker(f"worker-{number}")
        counted = live(xero.control, main_platform)
        sys.stdout.write(f"{SECONDS:.0f} s: {counted}\n")
        assert refused(xero.control) == {}
        assert counted["most_tenant_in_flight"] <= IN_FLIGHT
        assert counted["requests"] > 0.8 * TENANTS * 60 * (SECONDS / 60 - 1)


def test_limits_that_are_halved_on_the_way_cost_each_tenant_one_refusal_a_window(
    tmp_path: Path, database_url: str, vhost_url: str, main_platform: Platform
) -> None:
    with (
        running(ledger_size=1_000_000, latency=0.2) as xero,
        deployed(tmp_path, database_url, vhost_url, xero.url, **AS_IN_PRODUCTION) as service,
    ):
        service.start_dispatcher()
        for number in range(WORKERS):
            service.start_worker(f"worker-{number}")
        counted = live(xero.control, main_platform, cut_after=0.5, minute_limit=30, day_limit=2_500)
        worst = max(refused(xero.control).values(), default=0)
        sys.stdout.write(f"{SECONDS:.0f} s: by status {counted['by']}; at most {worst} a tenant and minute\n")
        assert worst <= 1
