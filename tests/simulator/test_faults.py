"""Faults on demand."""

import http.client
import json
import time
from typing import Any

import pytest

from simulator.caller import Caller, connected, refresh
from simulator.client import Control, ControlError, Organisation

LIST = "/payroll.xro/1.0/Employees"


def employees(caller: Caller) -> list[Any]:
    return list(caller.au("Employees").json()["Employees"])


def test_a_status_hits_only_what_it_is_meant_for(caller: Caller, control: Control) -> None:
    control.inject(
        "status", path="*/PayRuns*", status=503, body="<h1>down</h1>", headers={"Retry-After": "7"}
    )
    answer = caller.au("PayRuns")
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, b"<h1>down</h1>", "7")
    assert caller.au("Settings").status == 200


def test_skip_and_count_say_which_calls_are_hit(caller: Caller, control: Control) -> None:
    control.inject("status", skip=1, count=2)
    assert [caller.au("Settings").status for _ in range(5)] == [200, 503, 503, 200, 200]
    assert control.faults()[0]["hits"] == 2


def test_probability_is_seeded(caller: Caller, control: Control) -> None:
    def statuses() -> list[int]:
        control.clear_faults()
        control.inject("status", probability=0.5, seed=7)
        return [caller.au("Settings").status for _ in range(20)]

    first = statuses()
    assert set(first) == {200, 503}
    assert statuses() == first


def test_a_fault_can_be_for_one_organisation_or_method(caller: Caller, control: Control) -> None:
    control.inject("status", tenant="another")
    control.inject("status", method="POST")
    assert caller.au("Settings").status == 200


def test_a_rate_limit_of_any_kind(caller: Caller, control: Control) -> None:
    control.inject("rate_limit", problem="day", retry_after="66183")
    answer = caller.au("Settings")
    assert (answer.status, answer.headers["X-Rate-Limit-Problem"]) == (429, "day")
    assert answer.headers["Retry-After"] == "66183"


def test_a_delay_takes_its_time(caller: Caller, control: Control) -> None:
    control.inject("delay", seconds=0.2)
    began = time.monotonic()
    assert caller.au("Settings").status == 200
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("kind", ["reset", "hang", "lost"])
def test_no_answer_comes(kind: str, caller: Caller, control: Control) -> None:
    control.inject(kind, seconds=0.2)
    with pytest.raises(OSError):  # noqa: PT011 -- a reset or an early close, as the timing has it
        caller.au("Settings")
    control.clear_faults()
    assert caller.au("Settings").status == 200
    assert control.ledger(limit=2)[0]["status"] == 0


def test_a_lost_answer_has_its_effect(control: Control, clinic: Organisation) -> None:
    token = control.token_set(clinic)["refresh_token"]
    control.inject("lost", path="/connect/token", count=1)
    with pytest.raises(OSError):  # noqa: PT011
        refresh(control, token)
    assert control.tokens()[0]["rotations"] == 1
    assert refresh(control, token).status == 200  # the previous token, within its grace


def test_a_body_can_be_cut_in_the_middle(caller: Caller, control: Control) -> None:
    control.inject("cut", fraction=0.5)
    with pytest.raises(http.client.IncompleteRead):
        caller.au("PayItems")
    sent = control.ledger(limit=1)[0]
    assert 0 < sent["bytes_sent"] < sent["bytes_decoded"]


def test_json_can_be_truncated_inside_a_whole_answer(caller: Caller, control: Control) -> None:
    control.inject("truncated", fraction=0.7)
    with pytest.raises(json.JSONDecodeError):
        caller.au("PayItems").json()


def test_html_and_huge_bodies(caller: Caller, control: Control) -> None:
    control.inject("html", status=502, count=1)
    answer = caller.au("Settings")
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    control.inject("huge", size=3_000_000)
    assert len(caller.au("Settings").body) > 3_000_000


def test_a_redirect_to_another_host(caller: Caller, control: Control) -> None:
    control.inject("redirect", location="http://elsewhere.example/")
    answer = caller.au("Settings")
    assert (answer.status, answer.headers["Location"]) == (302, "http://elsewhere.example/")


def test_one_record_can_be_malformed(caller: Caller, control: Control) -> None:
    control.inject("malformed", path=LIST, record=2)
    rows = employees(caller)
    assert rows[2] == "not a record"
    assert all(isinstance(row, dict) for number, row in enumerate(rows) if number != 2)


def test_one_record_can_lack_its_id_or_all_values(caller: Caller, control: Control) -> None:
    control.inject("missing_id", path=LIST, record=1, count=1)
    rows = employees(caller)
    assert "EmployeeID" not in rows[1]
    assert "EmployeeID" in rows[0]
    control.inject("nulls", path=LIST, record=0)
    row = employees(caller)[0]
    assert row["FirstName"] is None
    assert row["EmployeeID"]


def test_enums_fields_numbers_and_names_can_be_strange(caller: Caller, control: Control) -> None:
    for kind in ("unknown_enum", "unknown_field", "emoji"):
        control.inject(kind, path=LIST)
    row = employees(caller)[0]
    assert (row["Status"], row["BrandNewField"]) == ("BRANDNEW", {"TaxFileNumber": "123456782"})
    assert "\U0001f469" in row["FirstName"]
    control.inject("text_numbers", path="*/PayRuns", count=1)
    assert isinstance(caller.au("PayRuns").json()["PayRuns"][0]["Wages"], str)
    control.inject("odd_numbers", path="*/PayRuns")
    assert b'"Wages":NaN' in caller.au("PayRuns").body


def test_a_token_answer_can_lack_a_token_or_have_a_text_for_a_number(
    control: Control, clinic: Organisation
) -> None:
    token = control.token_set(clinic)["refresh_token"]
    control.inject("missing_id", path="/connect/token", field="refresh_token", count=1)
    assert "refresh_token" not in refresh(control, token).json()
    control.inject("text_numbers", path="/connect/token")
    assert refresh(control, token).json()["expires_in"] == "1800"


def test_a_single_record_and_a_pay_item_can_be_broken(caller: Caller, control: Control) -> None:
    control.inject("unknown_field", path="*/Settings", field="New", value="x")
    assert caller.au("Settings").json()["Settings"]["New"] == "x"
    control.inject("missing_id", path="*/PayItems", record=1)
    rates = caller.au("PayItems").json()["PayItems"]["EarningsRates"]
    assert ["EarningsRateID" in rate for rate in rates[:3]] == [True, False, True]


def test_an_empty_list_has_no_record_to_break(caller: Caller, control: Control) -> None:
    control.inject("missing_id", path="*/Timesheets")
    document = caller.au("Timesheets", page=99).json()
    assert document["Timesheets"] == []
    assert document["Id"]


def test_a_payslip_summary_inside_its_run_can_be_broken(caller: Caller, control: Control) -> None:
    run = caller.au("PayRuns").json()["PayRuns"][-1]["PayRunID"]
    control.inject("malformed", path=f"*/PayRuns/{run}", within="Payslips", record=1)
    slips = caller.au(f"PayRuns/{run}").json()["PayRuns"][0]["Payslips"]
    assert [isinstance(slip, dict) for slip in slips[:3]] == [True, False, True]


def test_pages_can_loop(control: Control) -> None:
    caller = connected(control, control.create_exact_organisation(staff=30, runs=4))
    control.inject("page_loop", path="*/Timesheets")
    first, ninth = (caller.au("Timesheets", page=page).json()["Timesheets"] for page in (1, 9))
    assert first == ninth
    assert len(first) == 100


def test_another_organisations_data_can_come(caller: Caller, control: Control) -> None:
    other = control.create_organisation(runs=1)
    control.inject("wrong_tenant", path="/api.xro/2.0/Organisation")
    answered = caller.get("/api.xro/2.0/Organisation").json()["Organisations"][0]
    assert answered["OrganisationID"] == other.tenant_id


def test_faults_are_checked_and_can_be_lifted(caller: Caller, control: Control) -> None:
    with pytest.raises(ControlError, match="kind"):
        control.inject("nonsense")
    with pytest.raises(ControlError, match="sevrity"):
        control.inject("status", sevrity=1)
    fault = control.inject("status")
    control.call("DELETE", f"/faults/{fault}")
    assert caller.au("Settings").status == 200
    with pytest.raises(ControlError, match="404"):
        control.call("DELETE", f"/faults/{fault}")


def test_records_can_be_broken_under_gzip_too(caller: Caller, control: Control) -> None:
    control.inject("unknown_enum", path=LIST)
    answer = caller.au("Employees", {"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["Employees"][0]["Status"] == "BRANDNEW"
