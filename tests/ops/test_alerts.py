"""Every alert has an owner, a runbook, and a test that it fires and that it keeps quiet."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.local.prometheus import Binaries, run_promtool
from entrypoints.metrics import Metrics
from ops.known import metric_names

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "ops" / "runbooks"
TESTS = sorted((ROOT / "ops" / "prometheus" / "tests").glob("*.yml"))

FOREIGN = {
    "rabbitmq_alarms_free_disk_space_watermark",  # RabbitMQ's own exporter
    "rabbitmq_alarms_memory_used_watermark",
    "kubelet_volume_stats_available_bytes",  # Kubernetes' kubelet
    "kubelet_volume_stats_capacity_bytes",
    "process_resident_memory_bytes",  # prometheus_client's process collector
}
SECTIONS = ["What it means", "Likely causes", "Steps", "Escalate"]
METRIC = re.compile(r"\b(?:allie_xero|rabbitmq|kubelet|process|up)[a-z0-9_:]*\b")


def test_prometheus_accepts_every_rule_and_its_configuration(
    prometheus_binaries: Binaries, rule_files: list[Path]
) -> None:
    run_promtool(prometheus_binaries, "check", "rules", *rule_files)
    said = run_promtool(prometheus_binaries, "check", "config", ROOT / "ops/prometheus/prometheus.yml")
    assert f"{len(rule_files)} rule files found" in said


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(prometheus_binaries: Binaries, path: Path) -> None:
    run_promtool(prometheus_binaries, "test", "rules", path)


def test_every_alert_is_seen_to_fire_and_to_be_quiet(alerts: dict[str, Any]) -> None:
    tested: dict[str, set[bool]] = {name: set() for name in alerts}
    for path in TESTS:
        for group in yaml.safe_load(path.read_text())["tests"]:
            for test in group["promql_expr_test"]:
                (name,) = re.findall(r'alertname="(\w+)"', test["expr"])
                tested[name].add(bool(test["exp_samples"]))
    assert {name for name, seen in tested.items() if seen != {True, False}} == set()


def test_every_alert_says_how_bad_it_is_and_whose(alerts: dict[str, Any]) -> None:
    for name, alert in alerts.items():
        assert alert["labels"]["severity"] in ("page", "ticket", "info"), name
        assert alert["labels"]["owner"] in ("payroll-sync", "security", "platform"), name
        assert alert["labels"]["service"] == "allie-xero", name
        assert alert["annotations"]["summary"], name


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alerts: dict[str, Any]) -> None:
    named = {alert["annotations"]["runbook"] for alert in alerts.values()}
    assert named == {f"ops/runbooks/{path.name}" for path in RUNBOOKS.glob("*.md")}
    assert {Path(path).stem for path in named} == alerts.keys()


def test_every_runbook_says_what_why_how_and_when_to_call_for_help(alerts: dict[str, Any]) -> None:
    for name, alert in alerts.items():
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS, name
        assert f"Severity: {alert['labels']['severity']} · owner: {alert['labels']['owner']}" in text, name


def test_runbooks_name_files_that_exist() -> None:
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        missing = {
            file for file in re.findall(r"\b(?:docs|ops)/[\w/.-]+\w", text) if not (ROOT / file).exists()
        }
        assert missing == set(), path.name


def test_every_metric_that_a_rule_uses_is_one_that_the_code_has(rules: list[dict[str, Any]]) -> None:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    known = metric_names(Metrics()) | recorded | FOREIGN
    for rule in rules:
        used = {name for name in METRIC.findall(_without_strings(rule["expr"])) if "_" in name}
        assert used <= known, (rule.get("alert") or rule["record"], used - known)


def _without_strings(expr: str) -> str:
    return re.sub(r'"[^"]*"', '""', expr)
