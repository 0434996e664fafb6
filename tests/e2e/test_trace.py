"""One trace, from the platform's event through actors and calls to Xero to the events that answer."""

import json
from typing import Any
from uuid import uuid4

from deployment.clinic import CLINIC, grant, is_backfilled
from deployment.platform import Platform
from deployment.processes import Deployment, until
from simulator.client import Control


def send(platform: Platform, kind: str, data: dict[str, Any]) -> str:
    """Publish an event with a trace of its own; gives the trace's id."""
    trace = uuid4().hex
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "allie-platform",
        "type": f"allie.xero.{kind}.v1",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        "data": {"clinic_id": CLINIC, **data},
    }
    platform.publish_raw(json.dumps(event).encode(), str(event["type"]))
    return trace


def logged(service: Deployment, trace: str) -> set[tuple[str, str | None]]:
    """What was logged in a trace: the event, and by which actor."""
    lines = [json.loads(line) for line in service.logs.splitlines() if trace in line]
    assert all({"timestamp", "level", "process"} <= line.keys() for line in lines)
    assert {line.get("clinic_id") for line in lines} == {CLINIC}
    return {(line["event"], line.get("actor")) for line in lines}


def answered(platform: Platform, trace: str) -> set[str]:
    """The kinds of event that the platform heard in a trace."""
    return {event["type"].split(".")[2] for event in platform.heard if trace in event.get("traceparent", "")}


def test_a_trace_goes_through(service: Deployment, main_platform: Platform, control: Control) -> None:
    organisation = control.create_exact_organisation(staff=2, runs=2)
    service.start_dispatcher()
    service.start_worker()

    trace = send(main_platform, "connect-completed", {"grant": grant(control, organisation)})
    until(lambda: is_backfilled(main_platform), "the backfill")
    assert answered(main_platform, trace) >= {"connection-changed", "payroll-changed", "sync-finished"}
    until(lambda: ("event sent", None) in logged(service, trace), "the last line")
    assert logged(service, trace) >= {
        ("xero call", "connection.complete"),
        ("done", "connection.complete"),
        ("xero call", "sync.slice"),
        ("done", "sync.slice"),
    }

    control.change(organisation.tenant_id, "new_posted_run")
    trace = send(main_platform, "sync-requested", {"requested_by": "test"})
    until(lambda: "sync-finished" in answered(main_platform, trace), "the sync")
    until(lambda: ("event sent", None) in logged(service, trace), "the last line")
    assert answered(main_platform, trace) >= {"payroll-changed", "sync-finished"}
    assert logged(service, trace) >= {
        ("done", "sync.request"),
        ("xero call", "sync.slice"),
        ("done", "sync.slice"),
    }
