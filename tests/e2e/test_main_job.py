"""A clinic connects, its payroll arrives, it disconnects: on real parts, over a plain AMQP client."""

from datetime import datetime
from functools import partial

from deployment.clinic import CLINIC, connect, is_backfilled, rows, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import NIGHTLY, differences
from simulator.client import Control

STILL_SEALED = """
SELECT count(*) FROM allie_xero.credential WHERE num_nonnulls(data_key, sealed_tokens, sealed_previous) > 0
"""

OPENED_BY_NOBODY = """
SELECT id, process, purpose, message_id, database_user FROM allie_xero.credential_audit
 WHERE action = 'opened'
   AND NOT (starts_with(process, 'worker@') AND purpose <> '' AND message_id <> ''
            AND starts_with(database_user, 'test_'))
"""

LATE_IS_WORKED = "SELECT outcome FROM allie_xero.inbox WHERE event_id = 'late'"
PURPOSES = "SELECT DISTINCT purpose FROM allie_xero.credential_audit WHERE action = 'opened'"


def test_a_clinic_connects_its_payroll_arrives_and_it_disconnects_without_a_trace(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    organisation = control.create_organisation(staff=8, runs=6, seed=3)
    service.start_dispatcher()
    service.start_worker()

    event_id = connect(control, main_platform, organisation)
    until(lambda: is_backfilled(main_platform), "the backfill")

    connected = main_platform.events("connection-changed", status="active")
    assert [event["data"]["in_reply_to"] for event in connected] == [event_id]
    assert differences(control.truth(organisation.tenant_id), database_url, CLINIC) == []
    assert main_platform.events("payroll-changed")

    control.change(organisation.tenant_id, "post_draft_run")
    main_platform.publish("sync-requested", {"clinic_id": CLINIC, "requested_by": "test"})
    asked = {"mode": "changes", "requested_by": "test"}
    until(lambda: main_platform.events("sync-finished", **asked), "the sync that was asked for")
    assert differences(control.truth(organisation.tenant_id), database_url, CLINIC, but=NIGHTLY) == []

    main_platform.publish("disconnect", {"clinic_id": CLINIC})
    until(lambda: main_platform.events("connection-changed", status="disconnected"), "the disconnect")
    until(lambda: not control.connections(), "the end of the link at Xero")
    until(lambda: value(database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")
    assert value(database_url, STILL_SEALED) == 0
    assert rows(database_url, OPENED_BY_NOBODY) == []
    assert {one for (one,) in rows(database_url, PURPOSES)} >= {"connection.complete", "connection.finish"}
    assert value(database_url, "SELECT count(*) FROM allie_xero_read.payslip") == 0

    main_platform.publish(
        "sync-requested", {"clinic_id": CLINIC, "requested_by": "too late"}, event_id="late"
    )
    until(lambda: value(database_url, LATE_IS_WORKED), "the answer to a wish that came too late")
    issued = value(database_url, "SELECT issued_at FROM allie_xero.certificate")
    calls = control.ledger(path="/payroll.xro/*", tenant=organisation.tenant_id, limit=10_000)
    assert calls
    assert [call for call in calls if datetime.fromisoformat(call["at"]) >= issued] == []


def test_clinics_of_new_zealand_and_the_united_kingdom_are_followed_beside_each_other(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    service.start_dispatcher()
    service.start_worker()
    made = {region: control.create_organisation(region=region, staff=5, runs=4) for region in ("NZ", "UK")}
    for region, organisation in made.items():
        connect(control, main_platform, organisation, region)
    for region, organisation in made.items():
        until(partial(is_backfilled, main_platform, region), "the backfill")
        assert differences(control.truth(organisation.tenant_id), database_url, region) == []

        control.change(organisation.tenant_id, "post_draft_run")
        main_platform.publish("sync-requested", {"clinic_id": region, "requested_by": region})
        until(partial(main_platform.events, "sync-finished", requested_by=region), "what was asked for")
        assert differences(control.truth(organisation.tenant_id), database_url, region, but=NIGHTLY) == []


def test_the_same_event_delivered_ten_times_has_one_effect(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    organisation = control.create_exact_organisation(staff=2, runs=2)
    service.start_dispatcher()
    service.start_worker()
    event_id = connect(control, main_platform, organisation)
    until(lambda: is_backfilled(main_platform), "the backfill")

    for _ in range(10):
        main_platform.publish("connect-completed", {"clinic_id": CLINIC}, event_id=event_id)
        main_platform.publish("sync-requested", {"clinic_id": CLINIC}, event_id="asked-once")
    until(lambda: main_platform.events("sync-finished", mode="changes")[1:], "the second sync")
    for _ in range(10):
        main_platform.publish("disconnect", {"clinic_id": CLINIC}, event_id="ended-once")
    until(lambda: value(database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")

    statuses = [event["data"]["status"] for event in main_platform.events("connection-changed")]
    assert statuses == ["active", "disconnected"]
    assert value(database_url, "SELECT count(*) FROM allie_xero.sync") == 2
    assert value(database_url, "SELECT count(*) FROM allie_xero.inbox") == 3
    assert value(database_url, "SELECT count(*) FROM allie_xero.certificate") == 1


def test_a_disconnect_in_the_middle_of_a_sync_lets_no_row_be_written_after_it(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    control.settings(latency=0.05)
    organisation = control.create_exact_organisation(staff=10, runs=20, timesheets="none")
    service.start_dispatcher()
    service.start_worker()
    connect(control, main_platform, organisation)
    until(lambda: value(database_url, "SELECT count(*) FROM allie_xero.pay_line"), "the first lines")

    main_platform.publish("disconnect", {"clinic_id": CLINIC})
    until(lambda: main_platform.events("connection-changed", status="disconnected"), "the disconnect")
    at_disconnect = value(database_url, "SELECT disconnected_at FROM allie_xero.connection")
    until(lambda: value(database_url, "SELECT 1 FROM allie_xero.certificate"), "the certificate")
    until(lambda: '"outcome":"fenced"' in service.logs, "the end of the slice")

    last_write = value(
        database_url, "SELECT max(changed_at) FROM (SELECT changed_at FROM allie_xero.pay_line UNION ALL"
        " SELECT changed_at FROM allie_xero.payslip UNION ALL SELECT changed_at FROM allie_xero.pay_run) AS t"
    )  # fmt: skip
    assert last_write < at_disconnect
    assert not main_platform.events("sync-finished", mode="backfill")
