"""What the service really sends, held against the published schemas."""

import json
from typing import Any

from adapters.rabbitmq.publisher import cloud_event
from deployment.service import ServiceInProcess, in_process
from entrypoints.contract.schemas import OUTBOUND_TYPES
from events.judge import complaints
from simulator.client import Control
from simulator.server import running

ENDS = {"requested_by": "test", "erase": "now"}


def test_every_event_of_the_main_job_fits_its_published_schema(database_url: str) -> None:
    with running(minute_limit=6_000) as xero, in_process(database_url, xero.url) as service:
        _main_job(service, xero.control)
        sent = _sent(service)
    assert {one["type"] for one in sent} == {event.name for event in OUTBOUND_TYPES}
    assert {one["id"]: complaints(one) for one in sent if complaints(one)} == {}
    assert [one["sequence"] for one in sent] == sorted(one["sequence"] for one in sent)


def _main_job(service: ServiceInProcess, control: Control) -> None:
    """Connect, sync, change, lose access, disconnect and erase: in three countries."""
    for region in ("AU", "NZ", "UK"):
        service.clinic = f"clinic-{region}"
        organisation = control.create_organisation(region=region, staff=3, runs=2, seed=ord(region[0]))
        service.publish("sync-requested")
        service.connect(control, organisation)
        service.work()
        control.change(organisation.tenant_id, "post_draft_run")
        service.publish("sync-requested", mode="reconcile", requested_by="test")
        service.work()
        control.disconnect(organisation.tenant_id)
        service.publish("sync-requested")
        service.work()
        service.publish("connect-completed", grant={"type": "sealed_token_set", "jwe": "a.b.c.d.e"})
        service.publish("disconnect", **ENDS)
        service.work()


def _sent(service: ServiceInProcess) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    while service.app.relay_outbox(lambda envelope: sent.append(json.loads(cloud_event(envelope)))):
        pass
    return sent
