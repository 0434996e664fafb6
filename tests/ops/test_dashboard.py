"""The committed dashboard is the one that the code builds, and asks only for what there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dashboard
from entrypoints.metrics import Metrics
from ops.known import families, gauge_specs, label_names, metric_names
from panels import ROWS, Panel

PANELS = [panel for row in ROWS for panel in row.panels]
FOREIGN = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "ALERTS"}
OF_PROMETHEUS = {"le", "instance", "job", "service", "alertstate", "version", "commit", "schema"}
METRIC = re.compile(r"\b(?:allie_xero[a-z0-9_:]*|process_[a-z_]+|ALERTS)\b")


def test_the_committed_dashboard_is_what_the_code_builds() -> None:
    assert dashboard.PATH.read_text() == dashboard.text(), "run: python ops/grafana/dashboard.py"


def test_every_panel_has_a_place_a_title_and_a_source() -> None:
    shown = [one for one in json.loads(dashboard.text())["panels"] if one["type"] != "row"]
    assert [one["title"] for one in shown] == [panel.title for panel in PANELS]
    assert len({one["id"] for one in shown}) == len({panel.title for panel in PANELS}) == len(PANELS)
    for one in shown:
        assert one["datasource"]["uid"] == "prometheus"
        assert one["gridPos"]["w"] + one["gridPos"]["x"] <= 24


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_asks_for_metrics_and_labels_that_exist(panel: Panel, rules: list[dict[str, Any]]) -> None:
    known = metric_names(Metrics()) | FOREIGN | {rule["record"] for rule in rules if "record" in rule}
    labels = label_names(Metrics()) | OF_PROMETHEUS
    for expr, legend in panel.queries:
        assert set(METRIC.findall(expr)) <= known
        named = re.findall(r"by \(([\w, ]+)\)", expr) + re.findall(r"\{\{(\w+)\}\}", legend)
        assert {label for group in named for label in group.split(", ")} <= labels


def test_a_full_database_is_seen_apart_from_other_faults_and_as_long_as_its_alert_says_so(
    rules: list[dict[str, Any]],
) -> None:
    [alert] = [
        rule["expr"].strip().removesuffix(" > 0") for rule in rules if rule.get("alert") == "DatabaseFull"
    ]
    assert [panel.title for panel in PANELS if panel.queries[0][0] == alert] == ["Database without room"]


def test_every_metric_of_the_service_is_on_the_dashboard() -> None:
    asked = " ".join(expr for panel in PANELS for expr, _ in panel.queries)
    rules = Path(__file__).parents[2] / "ops" / "prometheus" / "rules"
    asked += " ".join(path.read_text() for path in rules.glob("*.yml"))
    gauges = {f"allie_xero_{spec.name}" for spec in gauge_specs()}
    counted = {
        family.name if family.type != "counter" else f"{family.name}_total"
        for family in Metrics().registry.collect()
        if family.name.startswith("allie_xero")
    }
    assert families(Metrics())
    assert {name for name in gauges | counted if name not in asked} == set()
