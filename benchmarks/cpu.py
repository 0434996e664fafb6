"""(c) What one payslip costs a worker in CPU, against the least there is and against the first idea."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg

from benchmarks.parts import AS_IN_PRODUCTION, Bench, cpu_named, cpu_of
from benchmarks.report import ROOT, Claim, Result
from deployment.clinic import connect, is_backfilled
from deployment.platform import platform
from deployment.processes import deployed, pids_of, until
from services.databases import libpq_url
from simulator.client import Organisation
from simulator.server import Running

SERVICE = "this service, all in"
FLOOR = "floor: http.client + msgspec + COPY, commit each 100"
LEANEST = "xero-python raw + msgspec + upserts, commit each 100"
FIRST_IDEA = "xero-python models + SQLAlchemy ORM, commit each"
RIVALS = {FLOOR: "floor", LEANEST: "sdk_raw", FIRST_IDEA: "sdk_orm"}
TARGET_US = 400
LEANEST_US = 359
"""What the leanest stack took where the target of 400 µs was set: the target is 1.11 times that, anywhere."""

TABLES = Path(__file__).with_name("rivals") / "tables.sql"

Cost = tuple[float, float, float]
"""Seconds: the program's CPU, PostgreSQL's CPU, wall."""


def run(bench: Bench) -> Result:
    """Read the same payslips in each way, in turn, and keep each way's best round."""
    staff, runs, rounds = (5, 4, 1) if bench.quick else (100, 30, 6)
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        with bench.xero() as xero:
            organisation = xero.control.create_exact_organisation(staff=staff, runs=runs, timesheets="none")
            costs = {SERVICE: _service(bench, xero, organisation)}
            for name, module in RIVALS.items():
                costs[name] = _rival(bench, xero, organisation, module)
        for name, cost in costs.items():
            best[name] = min(best.get(name, cost), cost)
    payslips = staff * runs
    service, leanest, first_idea = (best[name][0] for name in (SERVICE, LEANEST, FIRST_IDEA))
    here = leanest / payslips * 1e6 * TARGET_US / LEANEST_US
    result = Result(
        name="c-cpu",
        title="CPU per payslip",
        columns=["way", "its own CPU, µs", "PostgreSQL's CPU, µs", "wall, µs", "times this service's CPU"],
        rows=[
            [name, *(round(part / payslips * 1e6) for part in cost), f"{cost[0] / best[SERVICE][0]:.2f}"]
            for name, cost in best.items()
        ],
        claims=[
            Claim("µs of worker CPU a payslip, all in", service / payslips * 1e6, TARGET_US),
            Claim("times the official SDK at its leanest", service / leanest, TARGET_US / LEANEST_US),
            Claim("times below SDK models + ORM", first_idea / service, 5, at_least=True),
        ],
    )
    result.notes = [
        f"Where {TARGET_US} µs was set, the SDK at its leanest took {LEANEST_US}: that is {here:.0f} here.",
        f"{payslips:,} payslips of {staff} staff, best of {rounds} rounds in turn, plain HTTP on loopback.",
        (
            "The service is a worker process on RabbitMQ: its figure holds everything from the consent to "
            "the last line (lists, staff, pay runs, messages, budgets, logs, metrics); the others only read "
            "and write payslips whose ids they are given."
        ),
    ]
    return result


def _service(bench: Bench, xero: Running, organisation: Organisation) -> Cost:
    with (
        bench.database() as database,
        bench.vhost() as vhost,
        platform(vhost) as main,
        deployed(bench.new_folder(), database, vhost, xero.url, **AS_IN_PRODUCTION) as service,
    ):
        service.start_dispatcher()
        worker = [psutil.Process(pid) for pid in pids_of(service.start_worker())]
        before = _spent(worker)
        connect(xero.control, main, organisation)
        until(lambda: is_backfilled(main), "the backfill", patience=600)
        after = _spent(worker)
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def _spent(processes: list[psutil.Process]) -> Cost:
    mine = sum(cpu_of(one, alone=True) for one in processes)
    return mine, cpu_named("postgres"), time.monotonic()


def _rival(bench: Bench, xero: Running, organisation: Organisation, module: str) -> Cost:
    with bench.database() as database:
        with psycopg.connect(libpq_url(database)) as connection:
            connection.execute(TABLES.read_bytes())
        truth = xero.control.truth(organisation.tenant_id, ["pay_runs"])
        task = bench.new_folder() / "task.json"
        payslips = [slip["id"] for run in truth["pay_runs"] for slip in run["payslips"]]
        token = xero.control.token_set(organisation)["access_token"]
        task.write_text(
            json.dumps(
                {
                    "url": xero.url,
                    "tenant": organisation.tenant_id,
                    "token": token,
                    "database": libpq_url(database),
                    "payslips": payslips,
                }
            )
        )
        before = cpu_named("postgres")
        command = [sys.executable, "-m", f"benchmarks.rivals.{module}", str(task)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        spent = json.loads(said)
        return spent["cpu"], cpu_named("postgres") - before, spent["wall"]
