"""From a fault to the alert that fires and the line of `allie-xero status` that shows it, on real parts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
import yaml
from typer.testing import CliRunner

from deployment.clinic import is_backfilled
from deployment.platform import platform
from deployment.processes import deployed, until
from entrypoints.cli import app
from entrypoints.local.prometheus import PrivatePrometheus, find_binaries
from entrypoints.local.rabbitmq import PrivateRabbitmq
from ops.fault_table import FAULTS, STAGES, Patient
from ops.hastened import SHORTEST_WINDOW_S, hastened, write
from services.needs import leave_out
from simulator.server import running

ROOT = Path(__file__).parents[2]
BORDERS = re.compile("[\N{BOX DRAWINGS LIGHT HORIZONTAL}-\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}]")


@dataclass
class Watched:
    """A service that can be hurt, and the Prometheus that watches it."""

    patient: Patient
    prometheus: str
    fired: set[str] = field(default_factory=set)

    def is_ready(self) -> bool:
        """Whether Prometheus knows how it was a window ago, and nothing fires."""
        asked = urlencode({"query": f"allie_xero_failures_open offset {SHORTEST_WINDOW_S}s"})
        with urlopen(f"{self.prometheus}/api/v1/query?{asked}") as answer:
            return bool(json.load(answer)["data"]["result"]) and not self.firing()

    def firing(self) -> set[str]:
        """The alerts that fire; also what fires for a moment is remembered in `fired`."""
        with urlopen(f"{self.prometheus}/api/v1/alerts") as answer:
            alerts = json.load(answer)["data"]["alerts"]
        found = {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
        self.fired |= found
        return found

    def has_fired(self, alert: str) -> bool:
        """Whether it fires, or has."""
        self.firing()
        return alert in self.fired

    def status(self) -> list[str]:
        """What `allie-xero status` prints, without the lines of its tables."""
        environment = {
            "DATABASE_URL": self.patient.database_url,
            "AMQP_URL": self.patient.service.environment["AMQP_URL"],
            "COLUMNS": "200",
        }
        printed = CliRunner().invoke(app, ["status"], env=environment).stdout
        return [" ".join(BORDERS.sub(" ", line).split()) for line in printed.splitlines()]

    def probe(self, process: str, probe: str) -> int:
        """The status of `/live` or `/ready`."""
        try:
            with urlopen(f"{self.patient.service.address_of(process)}/{probe}") as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code


@pytest.fixture
def watched(
    tmp_path: Path, database_url: str, own_vhost: str, rabbitmq_node: PrivateRabbitmq
) -> Iterator[Watched]:
    binaries = find_binaries(ROOT / ".state" / "prometheus")
    if binaries is None:
        leave_out(
            "no Prometheus: install the package prometheus, or let apt-get download it (apt-get update)"
        )
    files = [yaml.safe_load(path.read_text()) for path in (ROOT / "ops/prometheus/rules").glob("*.yml")]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    quick = write(hastened(rules, {fault.alert for fault in FAULTS}), tmp_path / "rules.yml")
    with (
        running(minute_limit=6_000, day_limit=100_000) as xero,
        platform(own_vhost) as main_platform,
        deployed(tmp_path, database_url, own_vhost, xero.url) as service,
    ):
        service.start_dispatcher()
        service.start_worker()
        targets = {name: [urlsplit(service.address_of(name)).netloc] for name in ("worker", "dispatcher")}
        with PrivatePrometheus(binaries, targets=targets, rules=[quick]) as prometheus:
            patient = Patient(service, database_url, rabbitmq_node, xero.control, main_platform)
            for clinic in ("well", "leaves", "busy"):
                patient.connect(clinic, xero.control.create_exact_organisation(staff=2, runs=1))
            for clinic in patient.clinics:
                until(lambda name=clinic: is_backfilled(main_platform, name), "the backfill")  # type: ignore[misc]
            found = Watched(patient, prometheus.url)
            until(found.is_ready, "a Prometheus that has seen enough")
            yield found


def test_every_fault_is_told_by_its_alert_and_shown_by_the_status(watched: Watched) -> None:
    for stage in STAGES:
        assert {fault.alert for fault in stage}.isdisjoint(watched.firing())
        watched.fired.clear()
        for fault in stage:
            fault.hurt(watched.patient)
        for fault in stage:
            until(lambda alert=fault.alert: watched.has_fired(alert), fault.alert)  # type: ignore[misc]
            until(lambda fault=fault: fault.is_shown(watched.status()), f"the line of {fault.what}")  # type: ignore[misc]
        if stage[0].alert == "BrokerUnavailable":
            _assert_waiting(watched)
        for fault in stage:
            fault.mend(watched.patient)


def _assert_waiting(watched: Watched) -> None:
    """Both processes are live and not ready: a restart would bring no broker back."""
    for process in ("worker", "dispatcher"):
        until(lambda name=process: watched.probe(name, "ready") == 503, "the loss")  # type: ignore[misc]
        assert watched.probe(process, "live") == 200
