"""The probe on the simulator: what it finds follows every switch, and it keeps no value."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from adapters.xero.probing.probe import FACTS, open_probe
from adapters.xero.transport import Endpoints, Transport
from domain.model.connection import Region, Tenant
from domain.model.ids import TenantId, XeroConnectionId
from domain.model.probing import Probed
from domain.model.tokens import Access, Secret
from entrypoints.consent.asking import SCOPES
from simulator.client import Organisation
from simulator.server import Running, running_in_thread

TOTALS = ["Deductions", "NetPay", "Reimbursements", "Super", "Tax", "Wages"]
NOT_MODIFIED = {"HTTP": "304", "ISO 8601": "304"}


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running_in_thread() as simulator:
        yield simulator


@pytest.fixture
def organisation(xero: Running, request: pytest.FixtureRequest) -> Organisation:
    """A fresh simulator with one organisation; of the region that the test is given."""
    xero.control.reset(minute_limit=6_000)
    region = getattr(request, "param", "AU")
    return xero.control.create_organisation(region=region, staff=4, runs=12, seed=5)


def probed(xero: Running, organisation: Organisation, waited: list[float] | None = None) -> Probed:
    token = xero.control.token_set(organisation)["access_token"]
    transport = Transport(Endpoints(xero.url, xero.url), observe=lambda _: None)
    tenant = Tenant(
        id=TenantId(organisation.tenant_id),
        xero_connection_id=XeroConnectionId("link"),
        name=organisation.name,
        region=Region(organisation.region),
    )
    try:
        waits = waited if waited is not None else []
        return open_probe(transport, wait=waits.append)(tenant, Access(Secret(token), 1))
    finally:
        transport.close()


def found(record: Probed) -> dict[str, Any]:
    return {one.fact: one.found for one in record.findings}


@pytest.mark.parametrize("organisation", Region, indirect=True)
def test_the_simulator_is_as_assumed(xero: Running, organisation: Organisation) -> None:
    record = probed(xero, organisation)
    assert [one for one in record.findings if one.differs or one.found is None] == []
    assert [one.fact for one in record.findings] == [one.name for one in FACTS[Region(record.region)]]
    assert len(record.asked) <= 30


@pytest.mark.parametrize(
    ("fact", "settings", "value"),
    [
        ("gzip", {"gzip": False}, False),
        ("unchanged", {"not_modified": "304"}, NOT_MODIFIED),
        ("since-inclusive", {"modified_since_inclusive": True}, True),
        ("leave-since", {"leave_v2_modified_since_fails": False}, 200),
        ("page-size", {"page_size_without_page": 10}, False),
        ("pay-items-pages", {"pay_items_ignore_page": False}, "nothing"),
        ("pay-run-order", {"pay_runs_newest_first": False}, "oldest first"),
        ("where", {"refuse_where": ["PayRuns"]}, [400, 200]),
        ("where", {"refuse_order": ["PayRuns"]}, [200, 400]),
        ("employee-list", {"employee_list_shows_group": True}, ["EmployeeGroupName", "JobTitle"]),
        ("payslip-totals", {"payslip_shows_all_totals": True}, TOTALS),
        ("days-in-year", {"days_in_payroll_year_is_text": False}, "whole number"),
    ],
)
def test_a_difference_in_australia_is_found(
    xero: Running, organisation: Organisation, fact: str, settings: dict[str, Any], value: object
) -> None:
    xero.control.settings(**settings)
    record = probed(xero, organisation)
    assert found(record)[fact] == value
    assert [one.fact for one in record.findings if one.differs] == [fact]


def test_an_edit_that_moves_only_the_payslip_is_found(xero: Running, organisation: Organisation) -> None:
    xero.control.settings(payslip_edit_moves_run_stamp=False)
    xero.control.advance(60)
    runs = xero.control.truth(organisation.tenant_id, ["pay_runs"])["pay_runs"]
    newest = max((one for one in runs if one["status"] == "posted"), key=lambda one: str(one["period_end"]))
    payslip = newest["payslips"][0]["id"]
    xero.control.change(organisation.tenant_id, "edit_posted_payslip", id=payslip, moves_run_stamp=False)
    assert found(probed(xero, organisation))["payslip-edit"] is False


@pytest.mark.parametrize("organisation", ["NZ"], indirect=True)
def test_a_difference_elsewhere_is_found(xero: Running, organisation: Organisation) -> None:
    xero.control.settings(wrong_region={"status": 403, "detail": "Forbidden"})
    record = probed(xero, organisation)
    assert found(record)["other-region"] == 403
    refused = next(one for one in record.asked if one.status == 403)
    assert refused.answered["Detail"] == "Forbidden"


@pytest.mark.parametrize("organisation", ["UK"], indirect=True)
def test_stamps_of_payslips_are_found(xero: Running, organisation: Organisation) -> None:
    xero.control.settings(uk_unedited_payslips_lack_stamps=False)
    assert found(probed(xero, organisation))["payslip-stamps"] == "date-time without zone"


@pytest.mark.usefixtures("organisation")
def test_what_is_not_there_is_said_to_be_so(xero: Running) -> None:
    alone = xero.control.create_exact_organisation(staff=1, runs=1, timesheets="none")
    facts = found(probed(xero, alone))
    assert {name for name, value in facts.items() if value is None} == {
        "page-size",
        "pay-run-order",
        "active-only",
    }


def test_an_answer_of_another_shape_is_a_finding(xero: Running, organisation: Organisation) -> None:
    xero.control.inject("missing_id", path="*/PayRuns*", record=0)
    facts = found(probed(xero, organisation))
    assert facts["payslip-totals"] == "an answer of another shape"


def test_a_limit_of_a_minute_is_waited_for_and_one_of_a_day_is_not(
    xero: Running, organisation: Organisation
) -> None:
    waited: list[float] = []
    xero.control.inject("rate_limit", problem="minute", retry_after="7", count=2, path="*/Settings*")
    xero.control.inject("rate_limit", problem="day", retry_after="40000", path="*/Users*")
    record = probed(xero, organisation, waited)
    assert waited == [7, 7]
    assert found(record)["gzip"] is True
    assert found(record)["user-id"] is None
    assert [one.answered["retry-after"] for one in record.asked if one.status == 429] == ["40000"]


@pytest.mark.parametrize("organisation", Region, indirect=True)
def test_no_value_of_the_organisation_is_kept(xero: Running, organisation: Organisation) -> None:
    token = xero.control.token_set(organisation)["access_token"]
    truth = xero.control.truth(organisation.tenant_id)
    secret = {one for one in texts_of(truth) if len(one) > 4 and not one.islower() and not one.isupper()}
    assert len(secret) > 100
    kept = json.dumps(asdict(probed(xero, organisation)))
    assert organisation.tenant_id not in kept
    assert token not in kept
    assert "Bearer" not in kept
    assert {one for one in secret if one in kept} <= {"Superannuation"}  # a field's name too


def texts_of(document: Any) -> Iterator[str]:
    """Every text in a document."""
    match document:
        case dict():
            for value in document.values():
                yield from texts_of(value)
        case list():
            for value in document:
                yield from texts_of(value)
        case str():
            yield document


def test_the_documentation_names_every_fact() -> None:
    page = (Path(__file__).parents[2] / "docs" / "real-xero.md").read_text()
    named = set(re.findall(r"^\| `([a-z-]+)`", page, re.MULTILINE)) - {"openid"}  # a scope
    assert named == {fact.name for facts in FACTS.values() for fact in facts}
    assert [scope for scope in SCOPES if f"`{scope}`" not in page] == []
