"""
(b) How long a clinic waits under Xero's limit of 60 calls a minute.

The processes, the limiter and its minutes are real, but nobody sits through them: whenever the service has
nothing to do before a known time, Xero's clock is put forward, and every instant in the database back, by
what is left of the wait. What the service spends is measured; what it waits for is added.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from adapters.postgres.engine import open_engine
from benchmarks.parts import AS_IN_PRODUCTION, Bench
from benchmarks.report import Claim, Result
from deployment.ageing import age
from deployment.clinic import connect, is_backfilled, value
from deployment.platform import Platform, platform
from deployment.processes import deployed
from simulator.client import Organisation
from simulator.server import Running

MINUTE_LIMIT, IN_FLIGHT, LATENCY_S = 60, 4, 0.2
PATIENCE_S = 900

WAIT = """
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM allie_xero.sync_state
HAVING bool_and(lease_until IS NULL AND due_at > clock_timestamp())
"""
"""Seconds until anything is due; nothing while anything is, or is worked on."""

RUN_TOTALS = "SELECT net_pay FROM allie_xero_read.pay_run WHERE pay_run_id = %s"
PAYSLIP_TOTALS = "SELECT count(*) FROM allie_xero_read.payslip WHERE pay_run_id = %s AND net_pay IS NOT NULL"
PAYSLIP_LINES = "SELECT count(*) FROM allie_xero_read.payslip WHERE pay_run_id = %s AND has_lines"

RUN_SHOWN, PAYSLIPS_SHOWN = "newest pay run's totals", "totals of its payslips"


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was there: seconds since the event, calls so far, and those since the pay runs' list."""

    seconds: float
    calls: int
    since_listed: int


class Stopwatch:
    """Real time, and the time that was skipped."""

    def __init__(self, xero: Running, database: str) -> None:
        self._control = xero.control
        self._database = database
        self._engine = open_engine(database, pool_size=1)
        self._started = time.monotonic()
        self._skipped = 0.0

    def now(self) -> Moment:
        """What has passed."""
        passed = time.monotonic() - self._started + self._skipped
        visits = self._control.ledger(method="GET", path="*.xro/*", limit=100_000)
        begun = next((at for at, one in enumerate(visits) if one["path"].endswith("/PayRuns")), len(visits))
        return Moment(passed, len(visits), len(visits) - begun)

    @property
    def calls(self) -> int:
        """Calls to the API so far."""
        return sum(self._control.counts(method="GET", path="*.xro/*")["by"].values())

    def skip(self) -> None:
        """Put the clocks to just before the next thing that is due, if the service waits for it."""
        wait = value(self._database, WAIT)
        if wait is None or wait < 1:
            return
        jump = wait - 0.2
        self._control.advance(jump)
        with self._engine.begin() as session:
            age(session, timedelta(seconds=jump))
        self._skipped += jump

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def run(bench: Bench) -> Result:
    """Connect a clinic, and note when its newest pay run is there, and when everything is."""
    sizes = [(5, 16)] if bench.quick else [(12, 26), (30, 52)]
    result = Result(
        name="b-waiting",
        title="from the event to the newest pay run, and to the end, at 60 calls a minute",
        columns=["payslips", "what", "after", "calls so far", "since the pay runs' list"],
    )
    for staff, runs in sizes:
        seen = _watch(bench, staff, runs)
        end = seen["everything"]
        bound = _bound(end.calls)
        for what, moment in seen.items():
            result.rows.append(
                [staff * runs, what, _clock(moment.seconds), moment.calls, moment.since_listed]
            )
        result.rows.append([staff * runs, "the limit's bound for everything", _clock(bound), end.calls, ""])
        worked = end.seconds - seen["first call"].seconds
        result.claims += [
            Claim(f"backfill of {end.calls:,} calls, times the limit's bound", worked / bound, 1.03),
            *[
                Claim(f"calls from the pay runs' list to the {what}", seen[what].since_listed, 10)
                for what in (RUN_SHOWN, PAYSLIPS_SHOWN)
            ],
        ]
    result.notes = [
        (
            f"Each answer takes {LATENCY_S} s. Waits are skipped by putting the clocks forward; the figures "
            "hold them in full. Views are asked 20 times a second."
        ),
        (
            f"The bound: as many windows of a minute as the calls fill at {MINUTE_LIMIT} each, the last one "
            f"only as long as its calls take {IN_FLIGHT} at a time."
        ),
    ]
    return result


def _bound(calls: int) -> float:
    """Seconds from the first call to the last answer, for a client that wastes nothing."""
    windows = ceil(calls / MINUTE_LIMIT)
    last = calls - (windows - 1) * MINUTE_LIMIT
    return (windows - 1) * 60 + ceil(last / IN_FLIGHT) * LATENCY_S


def _watch(bench: Bench, staff: int, runs: int) -> dict[str, Moment]:
    with (
        bench.xero(minute_limit=MINUTE_LIMIT, latency=LATENCY_S, ledger_size=100_000) as xero,
        bench.database() as database,
        bench.vhost() as vhost,
        platform(vhost) as main,
        deployed(bench.new_folder(), database, vhost, xero.url, **AS_IN_PRODUCTION) as service,
    ):
        organisation = xero.control.create_exact_organisation(staff=staff, runs=runs)
        service.start_dispatcher()
        service.start_worker()
        xero.control.clear_ledger()
        connect(xero.control, main, organisation)
        return _moments(Stopwatch(xero, database), main, database, _newest(xero, organisation), staff)


def _newest(xero: Running, organisation: Organisation) -> str:
    found = xero.control.truth(organisation.tenant_id, ["pay_runs"], payslips=False)["pay_runs"]
    return str(max(found, key=lambda one: one["payment_date"])["id"])


def _moments(watch: Stopwatch, main: Platform, database: str, newest: str, staff: int) -> dict[str, Moment]:
    awaited: dict[str, Callable[[], bool]] = {
        "first call": lambda: watch.calls > 0,
        RUN_SHOWN: lambda: value(database, RUN_TOTALS, newest) is not None,
        PAYSLIPS_SHOWN: lambda: value(database, PAYSLIP_TOTALS, newest) == staff,
        "lines of its payslips": lambda: value(database, PAYSLIP_LINES, newest) == staff,
        "everything": lambda: is_backfilled(main),
    }
    seen: dict[str, Moment] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(seen) < len(awaited):
        for what, has_come in awaited.items():
            if what not in seen and has_come():
                seen[what] = watch.now()
        watch.skip()
        if time.monotonic() > deadline:
            raise SystemExit(f"not everything came; seen so far: {seen}")
        time.sleep(0.05)
    watch.close()
    return {what: seen[what] for what in awaited}


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
