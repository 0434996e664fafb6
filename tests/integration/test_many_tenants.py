"""Many organisations, four workers, Xero's limits: not one refusal; `tests/soak` does it in real time."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from deployment.clinic import rows
from deployment.passing import Passing
from deployment.service import ServiceInProcess, in_process
from domain.messages import Job
from domain.model.budget import IN_FLIGHT
from simulator.server import running

TENANTS, WORKERS, MINUTES = 8, 4, 3
CALLS = "SELECT sum(calls) FROM allie_xero.usage"


def worked(service: ServiceInProcess) -> None:
    """Work everything that is due on four threads at once, until nothing is."""
    with ThreadPoolExecutor(WORKERS) as workers:
        while True:
            jobs: list[Job] = []
            service.app.schedule_due_work(jobs.append)
            if not jobs:
                return
            list(workers.map(service.run, jobs))


def test_many_tenants_on_four_workers_are_never_refused(database_url: str) -> None:
    with running(minute_limit=60, latency=0.002) as xero, in_process(database_url, xero.url) as service:
        time = Passing(database_url, xero.control)
        for number in range(TENANTS):
            made = xero.control.create_exact_organisation(staff=8, runs=40, timesheets="none")
            service.clinic = f"clinic-{number}"
            service.connect(xero.control, made)
        for minute in range(MINUTES):
            service.clinic = f"clinic-{minute}"
            service.publish("sync-requested")
            worked(service)
            time.pass_time(timedelta(seconds=61))
        refused = Counter(row["tenant"] for row in xero.control.ledger(status=429, limit=10_000))
        assert refused == {}
        assert xero.control.counts()["most_tenant_in_flight"] <= IN_FLIGHT
    [(calls,)] = rows(database_url, CALLS)
    assert calls > TENANTS * MINUTES * 60 * 0.8
