"""(d) Calls a minute that one machine sustains with many clinics at once."""

import os
import time
from collections.abc import Mapping

import psutil

from benchmarks.parts import AS_IN_PRODUCTION, Bench, cpu_named, cpu_of
from benchmarks.report import Claim, Result
from deployment.clinic import grant, value
from deployment.platform import platform
from deployment.processes import deployed, pids_of, until

CALLS = "SELECT coalesce(sum(calls), 0)::bigint FROM allie_xero.usage"
BACKFILLED = "SELECT count(*) FROM allie_xero.sync_state WHERE backfilled_at IS NOT NULL"
APP_LIMIT = 10_000
WORKERS, THREADS = 2, 8


def run(bench: Bench) -> Result:
    """Backfill many clinics at once, without limits, and divide."""
    clinics, staff, runs = (3, 3, 3) if bench.quick else (60, 10, 20)
    calls, seconds, cpu = _backfill(bench, clinics, staff, runs)
    cores = os.cpu_count() or 1
    ours = sum(cpu.values()) - cpu["simulator"]
    without = seconds - cpu["simulator"] / cores
    result = Result(
        name="d-fleet",
        title=f"{clinics} clinics at once, {WORKERS} workers of {THREADS} threads on {cores} cores",
        columns=["what", "CPU, s", "CPU per call, µs"],
        rows=[[name, round(spent, 2), round(spent / calls * 1e6)] for name, spent in cpu.items()],
        claims=[
            Claim("calls a minute, the simulator's CPU taken out", calls / without * 60, APP_LIMIT, True),
        ],
    )
    result.notes = [
        (
            f"{calls:,} calls in {seconds:.1f} s: {calls / seconds * 60:,.0f} a minute as it ran, with "
            f"whatever else the machine did (load {os.getloadavg()[0]:.1f}); {calls / without * 60:,.0f} "
            f"with the simulator's CPU, spread over {cores} cores, taken out of the time."
        ),
        f"By CPU alone {cores} cores would do {calls / ours * cores * 60:,.0f} a minute.",
        (
            "Time runs from the first event to the last backfilled clinic: consents, token exchanges, lists "
            "and details."
        ),
    ]
    return result


def _backfill(bench: Bench, clinics: int, staff: int, runs: int) -> tuple[int, float, Mapping[str, float]]:
    with (
        bench.xero() as xero,
        bench.database() as database,
        bench.vhost() as vhost,
        platform(vhost) as main,
        deployed(
            bench.new_folder(), database, vhost, xero.url, ALLIE_XERO_THREADS=str(THREADS), **AS_IN_PRODUCTION
        ) as service,
    ):
        made = [
            xero.control.create_exact_organisation(staff=staff, runs=runs, timesheets="none")
            for _ in range(clinics)
        ]
        dispatcher = service.start_dispatcher()
        workers = [service.start_worker(f"worker-{number}") for number in range(WORKERS)]
        simulator = psutil.Process(xero.pid)
        ours = {"workers": workers, "dispatcher": [dispatcher]}
        pids = {name: [pid for one in processes for pid in pids_of(one)] for name, processes in ours.items()}

        def spent() -> dict[str, float]:
            by_name = {
                name: sum(cpu_of(psutil.Process(pid), alone=True) for pid in found)
                for name, found in pids.items()
            }
            by_name["PostgreSQL"] = cpu_named("postgres")
            by_name["RabbitMQ"] = cpu_named("beam.smp")
            by_name["simulator"] = cpu_of(simulator)
            return by_name

        before, started = spent(), time.monotonic()
        for number, organisation in enumerate(made):
            given = grant(xero.control, organisation)
            main.publish("connect-completed", {"clinic_id": f"clinic-{number}", "grant": given})
        until(lambda: value(database, BACKFILLED) == clinics, "every backfill", patience=1_200)
        seconds, after = time.monotonic() - started, spent()
        calls = value(database, CALLS)
    return int(calls), seconds, {name: after[name] - before[name] for name in after}
