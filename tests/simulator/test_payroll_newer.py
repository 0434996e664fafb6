"""Payroll NZ, UK and AU v2 as an app meets them."""

from decimal import Decimal
from typing import Any

import pytest

from simulator.caller import Caller, connected
from simulator.client import Control, Organisation

REGIONS = ["NZ", "UK"]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def abroad(region: str, control: Control) -> Organisation:
    return control.create_organisation(region=region, staff=8, runs=4)


@pytest.fixture
def app(control: Control, abroad: Organisation) -> Caller:
    return connected(control, abroad)


def amount(value: object) -> Decimal:
    return Decimal(str(value))


def total(rows: list[Any], field: str) -> Decimal:
    return sum((amount(row[field]) for row in rows), Decimal(0))


def test_lists_have_the_newer_envelope_and_pages(app: Caller) -> None:
    document = app.payroll("Employees").json()
    assert list(document)[:6] == [
        "id",
        "providerName",
        "dateTimeUTC",
        "httpStatusCode",
        "pagination",
        "problem",
    ]
    assert document["pagination"] == {"page": 1, "pageSize": 100, "pageCount": 1, "itemCount": 10}
    assert document["problem"] is None
    assert app.payroll("Employees", page=2).json()["employees"] == []
    single = app.payroll(f"Employees/{document['employees'][0]['employeeID']}").json()
    assert single["pagination"] is None
    assert single["employee"] == document["employees"][0]


def test_dates_are_iso_without_a_zone_and_missing_values_are_null(app: Caller) -> None:
    rows = app.payroll("Employees").json()["employees"]
    assert all(row["startDate"].endswith("T00:00:00") for row in rows)
    assert any(row["endDate"] is None for row in rows)
    assert any(row["endDate"] is not None for row in rows)


def test_private_values_are_there_as_in_life(
    region: str, app: Caller, control: Control, abroad: Organisation
) -> None:
    secret = control.truth(abroad.tenant_id, ["private"])["private"]["employees"][0]
    employee = app.payroll(f"Employees/{secret['employee_id']}").json()["employee"]
    assert employee["dateOfBirth"].startswith(secret["date_of_birth"])
    assert employee["address"]["addressLine1"] == secret["address"]["line1"]
    if region == "NZ":
        tax = app.payroll(f"Employees/{secret['employee_id']}/Tax").json()["employeeTax"]
        assert tax["irdNumber"] == secret["tax_number"]
    else:
        assert employee["nationalInsuranceNumber"] == secret["tax_number"]
    method = app.payroll(f"Employees/{secret['employee_id']}/PaymentMethods").json()["paymentMethod"]
    assert method["bankAccounts"][0]["accountNumber"] == secret["bank_accounts"][0]["number"]


def test_payslips_come_by_pay_run_with_all_their_lines_and_sum_to_it(app: Caller) -> None:
    for run in app.payroll("PayRuns").json()["payRuns"]:
        summaries = app.payroll(f"PayRuns/{run['payRunID']}").json()["payRun"]["paySlips"]
        slips = app.payroll("PaySlips", PayRunID=run["payRunID"]).json()["paySlips"]
        assert [slip["paySlipID"] for slip in slips] == [row["paySlipID"] for row in summaries]
        assert total(slips, "totalPay") == amount(run["totalPay"])
        for slip in slips:
            lines = [
                *slip["earningsLines"],
                *slip["leaveEarningsLines"],
                *slip["timesheetEarningsLines"],
            ]
            assert total(lines, "amount") == amount(slip["totalEarnings"])
            assert total(slip["employeeTaxLines"], "amount") == amount(slip["totalEmployeeTaxes"])
            assert total(slip["deductionLines"], "amount") == amount(slip["totalDeductions"])


def test_the_cost_of_a_run_is_what_the_employer_pays(region: str, app: Caller) -> None:
    employer = "totalSuperannuation" if region == "NZ" else "totalBenefits"
    for run in app.payroll("PayRuns").json()["payRuns"]:
        slips = app.payroll(f"PayRuns/{run['payRunID']}").json()["payRun"]["paySlips"]
        fields = ("totalEarnings", "totalReimbursements", "totalEmployerTaxes", employer)
        assert sum(total(slips, field) for field in fields) == amount(run["totalCost"])


def test_payslips_need_a_pay_run(app: Caller) -> None:
    answer = app.payroll("PaySlips")
    assert (answer.status, answer.json()["problem"]["status"]) == (400, 400)


def test_a_hundred_payslips_fill_a_page(region: str, control: Control) -> None:
    clinic = control.create_exact_organisation(region=region, staff=130, runs=1, timesheets="none")
    caller = connected(control, clinic)
    run = caller.payroll("PayRuns").json()["payRuns"][0]["payRunID"]
    pages = [caller.payroll("PaySlips", PayRunID=run, page=page).json() for page in (1, 2)]
    assert [len(page["paySlips"]) for page in pages] == [100, 30]
    assert pages[0]["pagination"] == {"page": 1, "pageSize": 100, "pageCount": 2, "itemCount": 130}


def test_timesheets_have_lines_only_one_by_one(app: Caller) -> None:
    listed = app.payroll("Timesheets").json()["timesheets"]
    assert "timesheetLines" not in listed[0]
    sheet = app.payroll(f"Timesheets/{listed[0]['timesheetID']}").json()["timesheet"]
    assert total(sheet["timesheetLines"], "numberOfUnits") == amount(sheet["totalHours"])
    days = [line["date"] for line in sheet["timesheetLines"]]
    assert sheet["startDate"] <= min(days) <= max(days) <= sheet["endDate"]


def test_timesheets_can_be_filtered_and_turned_around(app: Caller) -> None:
    everything = app.payroll("Timesheets").json()["timesheets"]
    one = everything[0]
    mine = app.payroll("Timesheets", filter=f"employeeId=={one['employeeID']}").json()["timesheets"]
    assert {sheet["employeeID"] for sheet in mine} == {one["employeeID"]}
    done = app.payroll("Timesheets", status="Completed").json()["timesheets"]
    assert {sheet["status"] for sheet in done} == {"Completed"}
    later = app.payroll("Timesheets", startDate=max(s["startDate"] for s in everything)[:10]).json()
    assert 0 < len(later["timesheets"]) < len(everything)
    newest = [s["startDate"] for s in app.payroll("Timesheets", sort="startDate").json()["timesheets"]]
    assert newest == sorted(newest, reverse=True)


def test_pay_runs_can_be_filtered_by_status(app: Caller) -> None:
    drafts = app.payroll("PayRuns", status="Draft").json()["payRuns"]
    assert {run["payRunStatus"] for run in drafts} == {"Draft"}
    assert {run["postedDateTime"] for run in drafts} == {None}


def test_scheduled_and_unscheduled_runs_are_told_apart(
    region: str, app: Caller, control: Control, abroad: Organisation
) -> None:
    control.change(abroad.tenant_id, "unscheduled_run", status="posted", payslips=1)
    types = {run["payRunType"] for run in app.payroll("PayRuns").json()["payRuns"]}
    assert types == {"Scheduled", "Unscheduled"}
    if region == "UK":
        made = control.change(abroad.tenant_id, "earlier_year_update")
        run = app.payroll(f"PayRuns/{made['pay_run_id']}").json()["payRun"]
        assert run["payRunType"] == "EarlierYearUpdate"


def test_where_and_if_modified_since_have_no_effect(app: Caller) -> None:
    since = {"If-Modified-Since": "2099-01-01T00:00:00Z"}
    answer = app.get("/payroll.xro/2.0/Employees", since, where='Status=="TERMINATED"')
    assert answer.json()["pagination"]["itemCount"] == 10


def test_what_does_not_exist_is_a_problem(app: Caller) -> None:
    answer = app.payroll("PayRuns/00000000-0000-4000-8000-000000000000")
    assert (answer.status, answer.json()["problem"]["title"]) == (404, "NotFound")


def test_leave_and_salaries_belong_to_employees(app: Caller, control: Control, abroad: Organisation) -> None:
    leave = control.truth(abroad.tenant_id, ["leave"])["leave"]
    shown = [row for row in leave if row["periods"][0]["status"] in {"scheduled", "processed"}]
    for row in shown:
        mine = app.payroll(f"Employees/{row['employee_id']}/Leave").json()["leave"]
        assert row["id"] in {one["leaveID"] for one in mine}
    hidden = next(row for row in leave if row["periods"][0]["status"] == "requested")
    mine = app.payroll(f"Employees/{hidden['employee_id']}/Leave").json()["leave"]
    assert hidden["id"] not in {one["leaveID"] for one in mine}
    salary = app.payroll(f"Employees/{shown[0]['employee_id']}/SalaryAndWages").json()["salaryAndWages"]
    assert salary[0]["paymentType"] in {"Salary", "Hourly"}


def test_an_unedited_uk_payslip_may_lack_its_stamp(control: Control) -> None:
    clinic = control.create_organisation(region="UK", staff=3, runs=1, unscheduled=0)
    caller = connected(control, clinic)
    edited = control.change(clinic.tenant_id, "edit_posted_payslip")

    def stamps() -> dict[str, str | None]:
        slips = caller.payroll("Payslips", PayRunID=edited["pay_run_id"]).json()["paySlips"]
        return {slip["paySlipID"]: slip["lastEdited"] for slip in slips}

    assert [slip for slip, stamp in stamps().items() if stamp] == [edited["payslip_id"]]
    control.settings(uk_unedited_payslips_lack_stamps=False)
    assert all(stamps().values())


def test_the_au_region_has_only_timesheets_here(caller: Caller) -> None:
    assert caller.payroll("Timesheets").json()["pagination"]["itemCount"] > 0
    assert caller.payroll("Employees").status == 404


def test_au_v1_is_not_for_other_regions(app: Caller, control: Control) -> None:
    assert app.au("Employees").status == 404
    control.settings(wrong_region={"status": 403, "detail": "Forbidden"})
    assert app.au("Employees").status == 403
