"""
A real Prometheus watches a real worker and dispatcher through a demo sync.

With ALLIE_XERO_PICTURES set to a folder, the pictures of the documentation are drawn there from its answers.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import psycopg
import pytest

from deployment.clinic import connect, is_backfilled, value
from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed, until
from entrypoints.local.prometheus import Binaries, PrivatePrometheus, run_promtool
from panels import ROWS
from pictures import draw_rows
from services.databases import libpq_url
from simulator.client import Control
from simulator.server import running

PANELS = [panel for row in ROWS for panel in row.panels]
WINDOW = "20s"
PICTURES = os.environ.get("ALLIE_XERO_PICTURES")
LEASE = {"ALLIE_XERO_LEASE_SECONDS": "45"}
"""As in production: with the short one of other tests a slow machine has two slices at one clinic at once."""

FIRING_BY_DESIGN = {"DeadLetterArrived", "QuarantineGrowing"}
"""What the scenario provokes: it sends one message that nobody can read."""


@dataclass(frozen=True)
class Watched:
    """A Prometheus, and the time it has watched."""

    url: str
    service: Deployment
    start: float
    end: float

    def get(self, path: str, **query: object) -> Any:
        return ask(self.url, path, **query)

    def has_data(self, expr: str) -> bool:
        asked = expr.replace("$__rate_interval", WINDOW)
        found = self.get("query_range", query=asked, start=self.start, end=self.end, step=1)["result"]
        return any(point != "NaN" for series in found for _, point in series["values"])


def ask(url: str, path: str, **query: object) -> Any:
    """What Prometheus' API answers."""
    with urlopen(f"{url}/api/v1/{path}?{urlencode(query)}") as answer:
        return json.load(answer)["data"]


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory,
    module_database_url: str,
    module_vhost_url: str,
    prometheus_binaries: Binaries,
    rule_files: list[Path],
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with (
        running(minute_limit=6_000, day_limit=100_000) as xero,
        platform(module_vhost_url) as main_platform,
        deployed(folder, module_database_url, module_vhost_url, xero.url, **LEASE) as service,
    ):
        service.start_dispatcher()
        service.start_worker()
        targets = {
            f"allie-xero-{name}": [urlsplit(service.address_of(name)).netloc]
            for name in ("worker", "dispatcher")
        }
        with PrivatePrometheus(prometheus_binaries, targets=targets, rules=rule_files) as prometheus:
            until(lambda: ask(prometheus.url, "query", query="count(up == 1) == 2")["result"], "scrapes")
            start = time.time()
            live_through_a_day(xero.control, main_platform, module_database_url, prometheus.url)
            if PICTURES:
                live_on(xero.control, main_platform)
            wait_for_gauges(service)
            yield Watched(prometheus.url, service, start, time.time())


def live_through_a_day(
    control: Control, main_platform: Platform, database_url: str, prometheus_url: str
) -> None:
    """A clinic connects and syncs, tokens rotate, another clinic leaves, somebody sends rubbish."""
    stays = control.create_organisation(staff=6, runs=4, seed=3)
    leaves = control.create_exact_organisation(staff=1, runs=1)
    connect(control, main_platform, stays)
    connect(control, main_platform, leaves, "clinic-2")
    until(lambda: is_backfilled(main_platform), "the backfill")
    until(lambda: is_backfilled(main_platform, "clinic-2"), "the other backfill")
    # What a series is first seen with is no increase: something has to come after that.
    until(lambda: ask(prometheus_url, "query", query=SLICES)["result"], "a scrape of the slices")

    main_platform.publish_raw(b"{half", "allie.xero.sync-requested.v1")
    main_platform.publish("disconnect", {"clinic_id": "clinic-2"})
    control.change(stays.tenant_id, "post_draft_run")
    main_platform.publish("sync-requested", {"clinic_id": "clinic-1", "requested_by": "test"})
    until(lambda: main_platform.events("sync-finished", requested_by="test"), "the sync")
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        connection.execute("UPDATE allie_xero.credential SET obtained_at = obtained_at - interval '2 days'")
    refreshed = "SELECT 1 FROM allie_xero.credential WHERE version > 0 AND state = 'live'"
    until(lambda: value(database_url, refreshed), "the keep-alive")
    until(lambda: value(database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")
    quarantined = "SELECT 1 FROM allie_xero.failure WHERE state = 'quarantined'"
    until(lambda: value(database_url, quarantined), "the quarantine")


def live_on(control: Control, main_platform: Platform) -> None:
    """Two minutes of clinics coming and changing, for pictures worth looking at."""
    control.settings(latency=0.15)
    for number in range(12):
        organisation = control.create_organisation(staff=4 + number, runs=6 + 2 * number, seed=100 + number)
        connect(control, main_platform, organisation, f"more-{number}")
        main_platform.publish("sync-requested", {"clinic_id": f"more-{number // 2}"})
        time.sleep(10)


def wait_for_gauges(service: Deployment) -> None:
    """Until a reading begun after now is shown; and one scrape more."""

    def readings() -> float:
        lines = service.scrape("dispatcher").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(READINGS))

    before = readings()
    until(lambda: readings() > before, "the next reading of the gauges")
    time.sleep(4)


SLICES = 'allie_xero_message_duration_seconds_count{actor="sync.slice"}'
READINGS = 'allie_xero_readings_total{result="ok"}'


def test_every_panels_queries_are_answered_and_show_what_they_should(watched: Watched) -> None:
    answered = {panel.title: [watched.has_data(expr) for expr, _ in panel.queries] for panel in PANELS}
    empty = [panel.title for panel in PANELS if not panel.quiet and not any(answered[panel.title])]
    assert empty == []


def test_every_rule_is_evaluated(watched: Watched, rules: list[dict[str, Any]]) -> None:
    found = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert len(found) == len(rules)
    assert {rule["name"]: rule.get("lastError") for rule in found if rule["health"] != "ok"} == {}


def test_a_day_like_any_other_wakes_nobody(watched: Watched, alerts: dict[str, Any]) -> None:
    firing = {
        alert["labels"]["alertname"]: alert["labels"]["severity"]
        for alert in watched.get("alerts")["alerts"]
        if alert["state"] == "firing"
    }
    assert firing.keys() <= FIRING_BY_DESIGN
    assert "DeadLetterArrived" in firing
    assert "page" not in firing.values()
    assert firing.keys() <= alerts.keys()


@pytest.mark.parametrize("name", ["worker", "dispatcher"])
def test_what_processes_show_is_well_formed_and_little(
    watched: Watched, prometheus_binaries: Binaries, name: str
) -> None:
    scraped = watched.service.scrape(name)
    assert run_promtool(prometheus_binaries, "check", "metrics", stdin=scraped) == ""
    assert len([line for line in scraped.splitlines() if not line.startswith("#")]) <= 2_000
    for secret in ("clinic-1", "clinic-2", "eyJ"):
        assert secret not in scraped


def test_pictures_can_be_drawn_of_every_row(watched: Watched, tmp_path: Path) -> None:
    folder = Path(PICTURES or tmp_path)
    draw_rows(watched.url, folder, watched.start, watched.end, WINDOW)
    drawn = sorted(folder.glob("*.svg"))
    assert len(drawn) == len(ROWS)
    assert all(panel.title in "".join(path.read_text() for path in drawn) for panel in PANELS[:5])
