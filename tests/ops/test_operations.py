"""What docs/operations.md tells people to type is right, and its hardest chapter was rehearsed."""

import json
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from adapters.crypto.generation import new_document
from deployment.clinic import rows, value
from deployment.service import ServiceInProcess, in_process
from domain.errors import ConsentWithdrawn
from domain.messages import Job
from entrypoints.local.prometheus import Binaries, run_promtool
from entrypoints.local.service import Service
from services.databases import database_in, new_database
from simulator.server import running

TEXT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
BEFORE, AFTER = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
METRIC = re.search(r"```promql\n\s*(.*?)\s*```", TEXT, re.DOTALL)
CLINICS = ("stays", "breaks-1", "breaks-2")

IDLE = (
    "UPDATE allie_xero.credential SET obtained_at = obtained_at - interval '2 days' WHERE clinic_id LIKE %s"
)


def work_as_a_worker_would(service: ServiceInProcess) -> None:
    """Work what is due, and go on when a consent turns out to be gone."""
    while True:
        jobs: list[Job] = []
        service.app.schedule_due_work(jobs.append)
        if not jobs:
            return
        for job in jobs:
            with suppress(ConsentWithdrawn):
                service.run(job)


def test_a_restore_breaks_exactly_the_connections_that_were_counted_before_it(
    postgres: Service, database_url: str
) -> None:
    keyring = json.dumps(new_document())
    with running(limits=False) as xero:
        with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=keyring) as service:
            for service.clinic in CLINICS:
                service.connect(xero.control, xero.control.create_exact_organisation(staff=1, runs=1))
            service.work()
        point: datetime = value(database_url, "SELECT clock_timestamp()")
        with new_database(postgres.url, database_in(database_url)) as backup:
            rows(database_url, IDLE + " RETURNING 1", "breaks-%")
            with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=keyring) as service:
                service.work()
            asked = re.sub(r"timestamptz '.*?'", f"timestamptz '{point.isoformat()}'", BEFORE)
            assert value(database_url, asked.partition(";")[0]) == 2

            xero.control.advance(31 * 60)
            rows(backup, IDLE + " RETURNING 1", "%")
            with in_process(backup, xero.url, ALLIE_XERO_KEYRING=keyring) as service:
                work_as_a_worker_would(service)
            assert value(backup, AFTER) == 2
            found = dict(rows(backup, "SELECT clinic_id, status FROM allie_xero.connection"))
            assert found == dict.fromkeys(CLINICS, "needs_attention") | {"stays": "active"}


def test_prometheus_understands_the_question_that_it_is_asked(
    prometheus_binaries: Binaries, tmp_path: Path
) -> None:
    assert METRIC
    rule = {"groups": [{"name": "docs", "rules": [{"record": "asked", "expr": METRIC[1]}]}]}
    path = tmp_path / "rule.yml"
    path.write_text(json.dumps(rule))
    assert "1 rules found" in run_promtool(prometheus_binaries, "check", "rules", path)


@pytest.mark.parametrize("name", re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))
def test_what_it_links_to_is_there(name: str) -> None:
    assert (Path(__file__).parents[2] / "docs" / name).exists()
