"""Payroll AU v1 as an app meets it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from simulator.caller import Caller, connected
from simulator.client import Control, Organisation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(text: str) -> datetime:
    milliseconds = text.removeprefix("/Date(").removesuffix(")/").removesuffix("+0000")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def day(text: str) -> str:
    return instant(text).date().isoformat()


def test_bodies_are_indented_json_with_crlf_and_the_older_envelope(caller: Caller) -> None:
    answer = caller.au("PayrollCalendars")
    assert answer.body.startswith(b'{\r\n  "Id": "')
    assert b"\n" not in answer.body.replace(b"\r\n", b"")
    assert list(answer.json()) == ["Id", "Status", "ProviderName", "DateTimeUTC", "PayrollCalendars"]


def test_the_employee_list_shows_active_staff_only_and_no_details(caller: Caller) -> None:
    employees = caller.au("Employees").json()["Employees"]
    assert len(employees) == 6
    assert {row["Status"] for row in employees} == {"ACTIVE"}
    assert not {"TaxDeclaration", "BankAccounts", "HomeAddress", "JobTitle"} & set(employees[0])


def test_terminated_staff_are_found_by_status(caller: Caller) -> None:
    gone = caller.au("Employees", where='Status=="TERMINATED"').json()["Employees"]
    both = caller.au("Employees", where='Status=="ACTIVE" OR Status=="TERMINATED"').json()["Employees"]
    assert {row["Status"] for row in gone} == {"TERMINATED"}
    assert all("TerminationDate" in row for row in gone)
    assert len(both) == 6 + len(gone)


def test_an_employee_in_full_has_everything_that_must_stay_private(
    caller: Caller, control: Control, clinic: Organisation
) -> None:
    row = caller.au("Employees").json()["Employees"][0]
    employee = caller.au(f"Employees/{row['EmployeeID']}").json()["Employees"][0]
    secret = next(
        person
        for person in control.truth(clinic.tenant_id, ["private"])["private"]["employees"]
        if person["employee_id"] == row["EmployeeID"]
    )
    assert employee["TaxDeclaration"]["TaxFileNumber"] == secret["tax_number"]
    assert employee["BankAccounts"][0]["AccountNumber"] == secret["bank_accounts"][0]["number"]
    assert employee["HomeAddress"]["AddressLine1"] == secret["address"]["line1"]
    assert day(employee["DateOfBirth"]) == secret["date_of_birth"]


def test_births_before_1970_have_negative_milliseconds(control: Control) -> None:
    caller = connected(control, control.create_organisation(staff=30, runs=1))
    births = [row["DateOfBirth"] for row in caller.au("Employees").json()["Employees"]]
    assert any(text.startswith("/Date(-") for text in births)
    assert all(instant(text) > datetime(1950, 1, 1, tzinfo=UTC) for text in births)


def test_the_list_of_pay_runs_has_totals_and_no_payslips(caller: Caller) -> None:
    runs = caller.au("PayRuns").json()["PayRuns"]
    assert all("Payslips" not in row and "Wages" in row for row in runs)
    ends = [instant(row["PayRunPeriodEndDate"]) for row in runs]
    assert ends == sorted(ends, reverse=True)


def test_a_pay_run_in_full_sums_its_payslips_to_the_cent(caller: Caller) -> None:
    for listed in caller.au("PayRuns").json()["PayRuns"]:
        run = caller.au(f"PayRuns/{listed['PayRunID']}").json()["PayRuns"][0]
        for total in ("Wages", "Deductions", "Tax", "Super", "NetPay"):
            summed = sum(Decimal(str(slip[total])) for slip in run["Payslips"])
            assert summed == Decimal(str(run[total])) == Decimal(str(listed[total]))


def test_a_payslip_has_its_lines_and_of_the_totals_only_tax_and_net_pay(caller: Caller) -> None:
    listed = caller.au("PayRuns").json()["PayRuns"][-1]
    run = caller.au(f"PayRuns/{listed['PayRunID']}").json()["PayRuns"][0]
    summary = run["Payslips"][0]
    slip = caller.au(f"Payslip/{summary['PayslipID']}").json()["Payslip"]
    assert (slip["Tax"], slip["NetPay"]) == (summary["Tax"], summary["NetPay"])
    assert "Wages" not in slip
    assert "PayRunID" not in slip
    assert sum(Decimal(str(line["Amount"])) for line in slip["TaxLines"]) == Decimal(str(slip["Tax"]))


def test_a_payslip_can_be_made_to_show_all_totals(caller: Caller, control: Control) -> None:
    listed = caller.au("PayRuns").json()["PayRuns"][-1]
    run = caller.au(f"PayRuns/{listed['PayRunID']}").json()["PayRuns"][0]
    control.settings(payslip_shows_all_totals=True)
    slip = caller.au(f"Payslip/{run['Payslips'][0]['PayslipID']}").json()["Payslip"]
    assert slip["Wages"] == run["Payslips"][0]["Wages"]


def test_timesheets_in_the_list_have_lines_and_dates_without_a_zone(caller: Caller) -> None:
    sheet = caller.au("Timesheets").json()["Timesheets"][0]
    assert "+" not in sheet["StartDate"]
    assert "+0000" in sheet["UpdatedDateUTC"]
    assert len(sheet["TimesheetLines"][0]["NumberOfUnits"]) == 14
    alone = caller.au(f"Timesheets/{sheet['TimesheetID']}").json()["Timesheet"]
    assert "+0000" in alone["StartDate"]


def test_pages_hold_a_hundred_and_end(control: Control) -> None:
    clinic = control.create_exact_organisation(staff=30, runs=4)
    caller = connected(control, clinic)
    sizes = [len(caller.au("Timesheets", page=page).json()["Timesheets"]) for page in (1, 2, 3)]
    assert sizes == [100, 20, 0]


def test_lists_without_a_page_can_be_made_shorter(caller: Caller, control: Control) -> None:
    control.settings(page_size_without_page=2)
    assert len(caller.au("PayRuns").json()["PayRuns"]) == 2
    assert len(caller.au("PayRuns", page=1).json()["PayRuns"]) > 2


def test_pay_items_ignore_the_page_unless_told_otherwise(caller: Caller, control: Control) -> None:
    assert caller.au("PayItems", page=7).json()["PayItems"] == caller.au("PayItems").json()["PayItems"]
    control.settings(pay_items_ignore_page=False)
    assert caller.au("PayItems", page=2).json()["PayItems"]["EarningsRates"] == []


def test_retired_pay_items_are_not_current(caller: Caller) -> None:
    rates = caller.au("PayItems").json()["PayItems"]["EarningsRates"]
    assert {rate["CurrentRecord"] for rate in rates} == {True, False}


def test_leave_v1_has_approved_leave_only_and_v2_has_all(caller: Caller) -> None:
    def statuses(path: str) -> set[str]:
        leave = caller.au(path).json()["LeaveApplications"]
        return {period["LeavePeriodStatus"] for row in leave for period in row["LeavePeriods"]}

    assert statuses("LeaveApplications") <= {"SCHEDULED", "PROCESSED"}
    assert statuses("LeaveApplications/v2") >= {"REQUESTED", "REJECTED"}


def test_leave_v2_fails_with_if_modified_since_as_in_life(caller: Caller, control: Control) -> None:
    since = {"If-Modified-Since": "2020-01-01T00:00:00Z"}
    assert caller.au("LeaveApplications/v2", since).status == 500
    control.settings(leave_v2_modified_since_fails=False)
    assert caller.au("LeaveApplications/v2", since).status == 200


@pytest.mark.parametrize("form", ["iso", "http"])
def test_if_modified_since_leaves_only_what_changed(
    form: str, caller: Caller, control: Control, clinic: Organisation
) -> None:
    now = instant(caller.au("Employees").json()["DateTimeUTC"])
    text = now.isoformat() if form == "iso" else now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    control.advance(5)
    changed = control.change(clinic.tenant_id, "rename_employee")
    employees = caller.au("Employees", {"If-Modified-Since": text}).json()["Employees"]
    assert [row["EmployeeID"] for row in employees] == [changed["employee_id"]]


@pytest.mark.parametrize(("mode", "status"), [("empty", 200), ("304", 304)])
def test_nothing_modified_is_an_empty_list_or_304(
    mode: str, status: int, caller: Caller, control: Control
) -> None:
    control.settings(not_modified=mode)
    answer = caller.au("Employees", {"If-Modified-Since": "2099-01-01T00:00:00Z"})
    assert answer.status == status
    assert mode == "304" or answer.json()["Employees"] == []


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ('FirstName!="Nobody" AND (Gender=="F" OR Gender=="M")', 6),
        ("StartDate>=DateTime(2100, 1, 1)", 0),
        ('StartDate<DateTime.Parse("2100-01-01") && LastName!=null', 6),
        ('EmployeeID==Guid("00000000-0000-0000-0000-000000000000")', 0),
        ("IsSTP2Qualified==false", 0),
    ],
)
def test_where_filters(where: str, count: int, caller: Caller) -> None:
    assert len(caller.au("Employees", where=where).json()["Employees"]) == count


@pytest.mark.parametrize(
    "query",
    [
        {"where": "Status=ACTIVE"},
        {"where": 'Nonsense=="1"'},
        {"where": "("},
        {"order": "Nonsense"},
        {"page": "x"},
    ],
)
def test_a_query_xero_cannot_read_is_error_16(query: dict[str, str], caller: Caller) -> None:
    answer = caller.au("Employees", **query)
    assert answer.status == 400
    assert (answer.json()["ErrorNumber"], answer.json()["Type"]) == (16, "QueryParseException")


def test_where_can_be_refused_for_a_list(caller: Caller, control: Control) -> None:
    assert caller.au("PayRuns", where='PayRunStatus=="POSTED"').status == 200
    control.settings(refuse_where=["PayRuns"], refuse_order=["PayRuns"])
    assert caller.au("PayRuns", where='PayRunStatus=="POSTED"').status == 400
    assert caller.au("PayRuns", order="PaymentDate").status == 400


def test_order_sorts_both_ways(caller: Caller) -> None:
    def names(order: str) -> list[str]:
        return [row["LastName"] for row in caller.au("Employees", order=order).json()["Employees"]]

    assert names("LastName") == sorted(names("LastName"))
    assert names("LastName DESC") == names("LastName")[::-1]


def test_what_does_not_exist_is_404(caller: Caller) -> None:
    for path in ("Employees", "PayRuns", "Payslip", "Timesheets", "LeaveApplications", "Superfunds"):
        assert caller.au(f"{path}/00000000-0000-4000-8000-000000000000").status == 404
    assert caller.au("Nothing").status == 404


def test_settings_show_the_payroll_year_as_text_as_the_example_does(caller: Caller, control: Control) -> None:
    assert caller.au("Settings").json()["Settings"]["DaysInPayrollYear"] == "365"
    control.settings(days_in_payroll_year_is_text=False)
    assert caller.au("Settings").json()["Settings"]["DaysInPayrollYear"] == 365


def test_super_funds_and_products(caller: Caller) -> None:
    funds = caller.au("Superfunds").json()["SuperFunds"]
    assert {fund["Type"] for fund in funds} == {"REGULATED", "SMSF"}
    assert caller.au(f"Superfunds/{funds[1]['SuperFundID']}").json()["SuperFunds"] == [funds[1]]
    assert caller.au("SuperfundProducts").status == 400
    assert caller.au("SuperfundProducts", USI="CAR0100AU").json()["SuperFundProducts"]


def test_the_organisation_and_its_users(caller: Caller, control: Control, clinic: Organisation) -> None:
    organisation: dict[str, Any] = caller.get("/api.xro/2.0/Organisation").json()["Organisations"][0]
    secrets = control.truth(clinic.tenant_id, ["private"])["private"]["organisation"]
    assert (organisation["OrganisationID"], organisation["Version"]) == (clinic.tenant_id, "AU")
    assert (organisation["TaxNumber"], organisation["APIKey"]) == (secrets["tax_number"], secrets["api_key"])
    users = caller.get("/api.xro/2.0/Users", where="IsSubscriber==true").json()["Users"]
    assert [user["UserID"] for user in users] == [clinic.owner]
    assert caller.get(f"/api.xro/2.0/Users/{clinic.owner}").json()["Users"] == users


def test_gzip_is_given_when_asked_for_and_can_be_withheld(caller: Caller, control: Control) -> None:
    asked = {"Accept-Encoding": "gzip"}
    small, plain = caller.au("PayItems", asked), caller.au("PayItems")
    assert len(small.wire) * 4 < len(plain.wire)
    assert small.json()["PayItems"] == plain.json()["PayItems"]
    control.settings(gzip=False)
    assert caller.au("PayItems", asked).headers["content-encoding"] is None
