"""(e) How much memory a worker takes at most, and how long it all takes, as the payroll grows."""

import time
from pathlib import Path

from benchmarks.parts import AS_IN_PRODUCTION, Bench
from benchmarks.report import Claim, Result
from deployment.clinic import connect, is_backfilled
from deployment.platform import platform
from deployment.processes import deployed, pids_of, until

SIZES = {100: (10, 10), 1_000: (50, 20), 10_000: (100, 100), 100_000: (200, 500)}
"""Payslips, and how many staff with how many pay runs make them."""

PATIENCE_S = 3_600


def run(bench: Bench) -> Result:
    """A fresh worker for each size; every payslip is read and written."""
    sizes = {20: (5, 4), 100: (10, 10)} if bench.quick else SIZES
    result = Result(
        name="e-memory",
        title="memory and time as the payroll grows",
        columns=["payslips", "worker's peak, MB", "dispatcher's peak, MB", "seconds", "payslips a second"],
    )
    for payslips, (staff, runs) in sizes.items():
        worker, dispatcher, seconds = _measure(bench, staff, runs)
        result.rows.append(
            [payslips, round(worker, 1), round(dispatcher, 1), round(seconds, 1), round(payslips / seconds)]
        )
    peaks = [row[1] for row in result.rows]
    result.claims = [Claim("MB more at the largest than at the smallest", peaks[-1] - peaks[0], 10)]
    result.notes = [
        (
            "An Australian clinic, a call for each payslip, no limits. Peak: the most resident memory that "
            "the worker's process ever had (VmHWM), start included; time: from the event to the last line."
        )
    ]
    return result


def _measure(bench: Bench, staff: int, runs: int) -> tuple[float, float, float]:
    with (
        bench.xero() as xero,
        bench.database() as database,
        bench.vhost() as vhost,
        platform(vhost) as main,
        deployed(bench.new_folder(), database, vhost, xero.url, **AS_IN_PRODUCTION) as service,
    ):
        organisation = xero.control.create_exact_organisation(staff=staff, runs=runs, timesheets="none")
        dispatcher, worker = service.start_dispatcher(), service.start_worker()
        started = time.monotonic()
        connect(xero.control, main, organisation)
        until(lambda: is_backfilled(main), "the backfill", patience=PATIENCE_S)
        seconds = time.monotonic() - started
        return max(map(_peak_mb, pids_of(worker))), max(map(_peak_mb, pids_of(dispatcher))), seconds


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1_024
