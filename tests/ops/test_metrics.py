"""Metrics have closed labels, few series, and names that the documentation explains."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from adapters.xero.transport import CallSeen
from domain.messages import ConnectionChanged, Envelope, SyncFinished
from domain.model.ids import ClinicId, EventId
from entrypoints.labels import OTHER
from entrypoints.local.prometheus import Binaries, run_promtool
from entrypoints.metrics import Metrics, endpoint_of
from entrypoints.sent import CLINICS_FAULTS, count_sent
from ops.known import families, gauge_specs, label_names, most_series

ROOT = Path(__file__).parents[2]
RUN_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def shown(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_one_process_shows_two_thousand_series_at_most() -> None:
    assert most_series(Metrics()) <= 2_000


def test_no_label_names_a_clinic_a_connection_or_a_person() -> None:
    forbidden = re.compile("clinic|connection|tenant|employee|user|run_id|email|name")
    assert {name for name in label_names(Metrics()) if forbidden.search(name)} == set()


def test_whatever_is_not_on_a_labels_list_is_counted_as_other() -> None:
    for name, family in families(Metrics()).items():
        strange = ["made up by a stranger"] * len(family.labels)
        assert family._fold(strange) == (OTHER,) * len(family.labels), name


def test_a_thousand_strange_inputs_make_one_series_each() -> None:
    metrics = Metrics()
    before = shown(metrics).count("\n")
    for number in range(1_000):
        metrics.messages(f"actor-{number}", "ok")
        metrics.call(CallSeen("GET", f"/payroll.xro/1.0/Strange{number}", 200 + number, 0.1, 10, None))
    assert shown(metrics).count("\n") - before < 40


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/connect/token", "connect/token"),
        (f"/connections/{RUN_ID}", "connections/{id}"),
        ("/api.xro/2.0/Organisation", "organisation"),
        (f"/payroll.xro/1.0/PayRuns/{RUN_ID}", "payruns/{id}"),
        (f"/payroll.xro/2.0/Employees/{RUN_ID}/LeaveBalances", "employees/{id}/leavebalances"),
    ],
)
def test_calls_are_counted_by_endpoint_without_ids(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint
    metrics = Metrics()
    metrics.call(CallSeen("GET", path, 200, 0.2, 100, None))
    assert f'allie_xero_xero_requests_total{{endpoint="{endpoint}",status_class="2xx"}} 1.0' in shown(metrics)


def test_counters_that_alerts_watch_begin_at_zero() -> None:
    said = shown(Metrics())
    for series in (
        'allie_xero_token_refresh_total{result="client_rejected"} 0.0',
        "allie_xero_token_overlap_total 0.0",
        'allie_xero_crypto_operations_total{op="open",result="unreadable"} 0.0',
        'allie_xero_dead_letters_total{code="not_json",queue="allie-xero.control"} 0.0',
        'allie_xero_publish_total{result="returned"} 0.0',
    ):
        assert series in said


def event(kind: type[ConnectionChanged | SyncFinished], **data: object) -> Envelope:
    return Envelope(
        id=EventId("1"),
        type=kind.type,
        clinic_id=ClinicId("c"),
        sequence=1,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        data=data,
    )


@pytest.mark.parametrize(
    ("stream", "result"),
    [
        ({"fault": None, "unreadable": 0}, "ok"),
        ({"fault": None, "unreadable": 2}, "partial"),
        ({"fault": next(iter(CLINICS_FAULTS)), "unreadable": 0}, "clinic"),
        ({"fault": "RequestRefused", "unreadable": 0}, "faulty"),
    ],
)
def test_a_sync_is_counted_by_what_its_event_says(stream: dict[str, object], result: str) -> None:
    metrics = Metrics()
    streams = {"pay_runs": {"changed": 2, "gone": 1, **stream}}
    count_sent(metrics, event(SyncFinished, mode="changes", streams=streams))
    said = shown(metrics)
    assert f'allie_xero_sync_runs_total{{mode="changes",result="{result}"}} 1.0' in said
    assert 'allie_xero_records_changed_total{stream="pay_runs"} 3.0' in said


def test_what_clinics_are_told_is_counted_with_the_reason() -> None:
    metrics = Metrics()
    count_sent(metrics, event(ConnectionChanged, status="needs_attention", reason="consent_withdrawn"))
    count_sent(metrics, event(ConnectionChanged, status="active", reason=None))
    said = shown(metrics)
    assert 'connection_changes_total{reason="consent_withdrawn",status="needs_attention"} 1.0' in said
    assert 'connection_changes_total{reason="none",status="active"} 1.0' in said


def test_promtool_finds_nothing_to_mend(prometheus_binaries: Binaries) -> None:
    metrics = Metrics()
    metrics.built("abc")
    assert run_promtool(prometheus_binaries, "check", "metrics", stdin=shown(metrics)) == ""


def test_the_documentation_explains_every_metric_and_no_other() -> None:
    explained = re.findall(
        r"^\| `(allie_xero_\w+)`", (ROOT / "docs/observability.md").read_text(), re.MULTILINE
    )
    assert len(explained) == len(set(explained))
    metrics = Metrics()
    metrics.built("test")
    metrics.watch_pool(lambda: (0, 0))
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.registry.collect()
        if family.name.startswith("allie_xero_")
    }
    of_worker = {
        "allie_xero_worker_slots",
        "allie_xero_worker_slots_busy",
        "allie_xero_worker_oldest_message_timestamp_seconds",
    }
    assert set(explained) == counted | of_worker | {f"allie_xero_{spec.name}" for spec in gauge_specs()}
