"""Xero changes its answers without notice: what can be read is kept, what cannot is set aside by itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from deployment.clinic import rows, value
from deployment.passing import Passing
from deployment.service import ServiceInProcess, in_process
from deployment.truth import differences
from simulator.client import Control, Organisation
from simulator.server import Running, running

STORED = ("employee", "pay_run", "payslip", "timesheet")
REGIONS = ("AU", "NZ", "UK")
STAFF, RUNS = 4, 3
OPEN = """
SELECT error, subject FROM allie_xero.failure
 WHERE place IN ('sync', 'slice') AND state IN ('retrying', 'quarantined', 'failed') ORDER BY 1, 2
"""

TOLD = """
SELECT data ->> 'status' FROM allie_xero.outbox
 WHERE type = 'allie.xero.connection-changed.v1' ORDER BY id
"""


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running() as simulator:
        yield simulator


@pytest.fixture
def control(xero: Running) -> Control:
    xero.control.reset(limits=False)
    return xero.control


@pytest.fixture
def service(database_url: str, xero: Running) -> Iterator[ServiceInProcess]:
    with in_process(database_url, xero.url) as service:
        yield service


def connected(service: ServiceInProcess, control: Control, region: str) -> Organisation:
    made = control.create_exact_organisation(region=region, staff=STAFF, runs=RUNS)
    service.connect(control, made)
    return made


def count(database_url: str, table: str) -> int:
    found = value(database_url, f"SELECT count(*) FROM allie_xero.{table} WHERE deleted_at IS NULL")
    return int(found)


def heal(service: ServiceInProcess, control: Control, time: Passing) -> None:
    """Xero is itself again, and a night passes."""
    control.clear_faults()
    service.publish("sync-requested", mode="reconcile")
    time.settle(service)


@pytest.mark.parametrize("region", REGIONS)
def test_fields_words_and_texts_that_nobody_knows_lose_nothing(
    region: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    made = connected(service, control, region)
    for kind in ("unknown_field", "text_numbers", "unknown_enum", "emoji"):
        control.inject(kind, tenant=made.tenant_id, path="/payroll.xro/*")
    service.work()
    assert rows(database_url, OPEN) == []
    truth = control.truth(made.tenant_id)
    assert count(database_url, "employee") == len(truth["employees"])
    assert count(database_url, "pay_run") == len(truth["pay_runs"])
    assert count(database_url, "payslip") == STAFF * RUNS
    assert value(database_url, "SELECT count(*) FROM allie_xero.pay_run WHERE status = 'brandnew'")
    assert value(database_url, "SELECT count(*) FROM allie_xero.pay_calendar WHERE name LIKE %s", "Zo%")


def breaks_an_employee(kind: str, region: str) -> bool:
    """Their rows hold no number, and what is null may well be, but for a word that Australia always gives."""
    return kind in ("malformed", "missing_id") or (kind == "nulls" and region == "AU")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", ["malformed", "missing_id", "nulls", "odd_numbers"])
def test_a_broken_record_is_set_aside_alone_and_comes_when_it_is_mended(
    region: str, kind: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    made = connected(service, control, region)
    for path in ("PayRuns", "Employees", "Timesheets"):
        control.inject(kind, tenant=made.tenant_id, path=f"/payroll.xro/*/{path}", record=1)
    service.work()
    assert set(service.outcomes) == {"done"}
    truth = control.truth(made.tenant_id)
    broken = {"pay_run", "timesheet"} | ({"employee"} if breaks_an_employee(kind, region) else set())
    said = [(error, subject.partition(":")[0]) for error, subject in rows(database_url, OPEN)]
    assert said == [("UnreadableRecord", f"{one}s") for one in sorted(broken)]
    for table in ("employee", "pay_run", "timesheet"):
        assert count(database_url, table) == len(truth[f"{table}s"]) - (table in broken)

    heal(service, control, Passing(database_url, control))
    assert differences(truth, database_url, service.clinic) == []
    assert rows(database_url, OPEN) == []


@pytest.mark.parametrize("region", REGIONS)
def test_pages_that_come_again_and_again_end(
    region: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    control.settings(page_size_without_page=100)
    made = control.create_exact_organisation(region=region, staff=2, runs=52, timesheets="all")
    service.connect(control, made)
    control.clear_ledger()
    control.inject("page_loop", tenant=made.tenant_id, path="/payroll.xro/*")
    service.work()
    assert control.counts()["requests"] < 600
    heal(service, control, Passing(database_url, control))
    assert differences(control.truth(made.tenant_id), database_url, service.clinic) == []
    assert rows(database_url, OPEN) == []


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(
    ("mode", "hours"), [("changes", 1), ("changes", 21), ("reconcile", 1), ("reconcile", 21)]
)
def test_another_organisations_answers_are_refused_whole(  # noqa: PLR0917
    region: str, mode: str, hours: int, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    """Once a day a pass asks whose answers it gets; at any hour before it believes what may be another's."""
    other = control.create_exact_organisation(region=region, staff=3, runs=2)
    made = connected(service, control, region)
    time = Passing(database_url, control)
    time.settle(service)
    time.pass_time(timedelta(hours=hours))
    truth = control.truth(made.tenant_id)
    stored = [rows(database_url, f"SELECT id, deleted_at FROM allie_xero.{one} ORDER BY 1") for one in STORED]
    control.inject("wrong_tenant", tenant=made.tenant_id, other_tenant=other.tenant_id, path="/*.xro/*")
    service.publish("sync-requested", mode=mode)
    service.work()
    # What is to be read again is not called compared meanwhile; but nothing of it is another's.
    assert differences(truth, database_url, service.clinic, but=("pay_run",)) == []
    assert stored == [
        rows(database_url, f"SELECT id, deleted_at FROM allie_xero.{one} ORDER BY 1") for one in STORED
    ]
    assert ("WrongTenant", "organisation") in rows(database_url, OPEN)
    assert service.metrics.registry.get_sample_value("allie_xero_xero_wrong_tenant_total")

    heal(service, control, time)
    assert differences(truth, database_url, service.clinic) == []
    assert rows(database_url, OPEN) == []


@pytest.mark.parametrize("region", REGIONS)
def test_another_organisations_answers_to_a_first_sync_are_refused_whole(
    region: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    """Nothing is known yet, and whose the clinic's tokens are was asked a moment ago, when it connected."""
    other = control.create_exact_organisation(region=region, staff=3, runs=2)
    made = connected(service, control, region)
    control.inject("wrong_tenant", tenant=made.tenant_id, other_tenant=other.tenant_id, path="/*.xro/*")
    service.work()
    assert [count(database_url, table) for table in (*STORED, "account_user", "pay_item")] == [0] * 6
    assert ("WrongTenant", "organisation") in rows(database_url, OPEN)

    time = Passing(database_url, control)
    heal(service, control, time)
    assert differences(control.truth(made.tenant_id), database_url, service.clinic) == []


EMPTY: dict[str, dict[str, Any]] = {
    "AU": {"path": "/payroll.xro/*/PayRuns", "body": '{"Status": "OK", "PayRuns": []}'},
    "NZ": {"path": "/payroll.xro/*/PayRuns", "body": '{"payRuns": []}'},
    "UK": {"path": "/payroll.xro/*/PayRuns", "body": '{"payRuns": []}'},
}


@pytest.mark.parametrize("region", REGIONS)
def test_success_with_nothing_is_noticed_and_believed_of_no_record(
    region: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    made = connected(service, control, region)
    service.work()
    control.inject("status", status=200, tenant=made.tenant_id, **EMPTY[region])
    Passing(database_url, control).pass_time(timedelta(minutes=1))
    service.publish("sync-requested", mode="reconcile")
    service.work()
    assert ("SuspiciouslyEmpty", "pay_runs:SuspiciouslyEmpty") in rows(database_url, OPEN)
    assert differences(control.truth(made.tenant_id), database_url, service.clinic) == []

    heal(service, control, Passing(database_url, control))
    assert rows(database_url, OPEN) == []


@pytest.mark.parametrize("region", REGIONS)
def test_a_payroll_role_that_was_taken_away_and_is_given_back_is_noticed_both_times(
    region: str, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    made = connected(service, control, region)
    time = Passing(database_url, control)
    control.settings(not_payroll_admin={"status": 403, "detail": "Forbidden"})
    control.set_member(made.tenant_id, made.owner, payroll_admin=False)
    time.settle(service)
    assert rows(database_url, "SELECT status, reason FROM allie_xero.connection") == [
        ("needs_attention", "payroll_unavailable")
    ]
    time.pass_time(timedelta(days=2))
    service.work()
    assert value(database_url, "SELECT status FROM allie_xero.connection") == "needs_attention"
    control.set_member(made.tenant_id, made.owner, payroll_admin=True)
    time.pass_time(timedelta(days=1, minutes=1))
    time.settle(service)
    assert [status for (status,) in rows(database_url, TOLD)] == ["active", "needs_attention", "active"]
    assert rows(database_url, OPEN) == []
    assert not differences(control.truth(made.tenant_id), database_url, service.clinic)
