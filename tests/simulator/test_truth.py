"""What the API shows is the ground truth, whatever happened at the source, in every region."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest

from simulator.caller import Caller, connected
from simulator.client import Control, Organisation

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def money(value: object) -> Decimal:
    return Decimal(str(value or 0))


def moment(value: str | None) -> str | None:
    """Either wire form of a date or instant as the truth writes instants."""
    if value is None:
        return None
    if value.startswith("/Date("):
        milliseconds = int(value[6:].rstrip("/)").removesuffix("+0000"))
        return (EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value[:19] + "Z"


def day(value: str | None) -> str | None:
    text = moment(value)
    return text and text[:10]


def pages(caller: Caller, path: str, key: str, **query: object) -> Iterator[Json]:
    for page in range(1, 100):
        rows = caller.get(path, page=page, **query).json()[key]
        yield from rows
        if len(rows) < 100:
            return


def line_sums(rows: list[Json], field: str) -> Decimal:
    return sum((money(row[field]) for row in rows), Decimal(0))


def summed(lines: list[Json], *sections: str) -> Decimal:
    return sum((money(line["amount"]) for line in lines if line["section"] in sections), Decimal(0))


def hours(sheet: Json) -> dict[tuple[str, str | None, int], Decimal]:
    """Units by rate, tracking and day, zeroes left out."""
    return {
        (line["earnings_rate_id"], line["tracking_item_id"], number): money(units)
        for line in sheet["lines"]
        for number, units in enumerate(line["hours"])
        if money(units)
    }


class Australia:
    """Reads an AU clinic through the API."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def rows(self, resource: str, **query: object) -> list[Json]:
        return list(pages(self.caller, f"/payroll.xro/1.0/{resource}", resource.partition("/")[0], **query))

    def employees(self) -> dict[str, Json]:
        both = 'Status=="ACTIVE" OR Status=="TERMINATED"'
        return {
            row["EmployeeID"]: {
                "first_name": row["FirstName"],
                "last_name": row["LastName"],
                "start_date": day(row["StartDate"]),
                "end_date": day(row.get("TerminationDate")),
                "calendar_id": row["PayrollCalendarID"],
                "updated_at": moment(row["UpdatedDateUTC"]),
            }
            for row in self.rows("Employees", where=both)
        }

    def runs(self) -> dict[str, Json]:
        return {
            row["PayRunID"]: {
                "status": row["PayRunStatus"].lower(),
                "period_start": day(row["PayRunPeriodStartDate"]),
                "period_end": day(row["PayRunPeriodEndDate"]),
                "payment_date": day(row["PaymentDate"]),
                "earnings": money(row["Wages"]),
                "net": money(row["NetPay"]),
            }
            for row in self.rows("PayRuns")
        }

    def payslips(self, run_id: str) -> dict[str, Json]:
        run = self.caller.au(f"PayRuns/{run_id}").json()["PayRuns"][0]
        found = {}
        for summary in run["Payslips"]:
            slip = self.caller.au(f"Payslip/{summary['PayslipID']}").json()["Payslip"]
            found[summary["PayslipID"]] = {
                "employee_id": summary["EmployeeID"],
                "updated_at": moment(summary["UpdatedDateUTC"]),
                "earnings": money(summary["Wages"]),
                "deductions": line_sums(slip["DeductionLines"], "Amount"),
                "reimbursements": line_sums(slip["ReimbursementLines"], "Amount"),
                "tax": line_sums(slip["TaxLines"], "Amount"),
                "pension": line_sums(slip["SuperannuationLines"], "Amount"),
            }
        return found

    def timesheets(self) -> dict[str, Json]:
        return {
            row["TimesheetID"]: {
                "status": row["Status"].lower(),
                "hours": {
                    (line["EarningsRateID"], line.get("TrackingItemID"), number): money(units)
                    for line in row["TimesheetLines"]
                    for number, units in enumerate(line["NumberOfUnits"])
                    if units
                },
            }
            for row in self.rows("Timesheets")
        }

    def leave(self) -> dict[str, Decimal]:
        rows = pages(self.caller, "/payroll.xro/1.0/LeaveApplications/v2", "LeaveApplications")
        return {row["LeaveApplicationID"]: line_sums(row["LeavePeriods"], "NumberOfUnits") for row in rows}

    def leave_balances(self) -> list[Json]:
        return [
            {
                "employee_id": employee,
                "leave_type_id": row["LeaveTypeID"],
                "name": row["LeaveName"],
                "units": money(row["NumberOfUnits"]),
                "type_of_units": row["TypeOfUnits"],
            }
            for employee in self.employees()
            for row in self.caller.au(f"Employees/{employee}").json()["Employees"][0]["LeaveBalances"]
        ]

    def shows(self, _: Json) -> bool:
        return True


class Newer:
    """Reads an NZ or UK clinic through the API."""

    def __init__(self, caller: Caller, pension: str, statutory: str) -> None:
        self.caller, self.pension, self.statutory = caller, pension, statutory

    def rows(self, resource: str, key: str, **query: object) -> list[Json]:
        return list(pages(self.caller, f"/payroll.xro/2.0/{resource}", key, **query))

    def employees(self) -> dict[str, Json]:
        return {
            row["employeeID"]: {
                "first_name": row["firstName"],
                "last_name": row["lastName"],
                "start_date": day(row["startDate"]),
                "end_date": day(row["endDate"]),
                "calendar_id": row["payrollCalendarID"],
                "updated_at": moment(row["updatedDateUTC"]),
            }
            for row in self.rows("Employees", "employees")
        }

    def runs(self) -> dict[str, Json]:
        found = {}
        for row in self.rows("PayRuns", "payRuns"):
            run = self.caller.payroll(f"PayRuns/{row['payRunID']}").json()["payRun"]
            reimbursed = line_sums(run["paySlips"], "totalReimbursements")
            found[row["payRunID"]] = {
                "status": row["payRunStatus"].lower(),
                "period_start": day(row["periodStartDate"]),
                "period_end": day(row["periodEndDate"]),
                "payment_date": day(row["paymentDate"]),
                "earnings": line_sums(run["paySlips"], "totalEarnings"),
                "net": money(row["totalPay"]) - reimbursed,
            }
        return found

    def payslips(self, run_id: str) -> dict[str, Json]:
        return {
            row["paySlipID"]: {
                "employee_id": row["employeeID"],
                "updated_at": moment(row["lastEdited"]),
                "earnings": money(row["totalEarnings"]),
                "deductions": line_sums(row["deductionLines"], "amount"),
                "reimbursements": line_sums(row["reimbursementLines"], "amount"),
                "tax": line_sums(row["employeeTaxLines"], "amount"),
                "pension": line_sums(row[self.pension], "amount"),
            }
            for row in self.rows("PaySlips", "paySlips", PayRunID=run_id)
        }

    def timesheets(self) -> dict[str, Json]:
        states = {"Completed": "processed", "Approved": "approved", "Requested": "requested"}
        found = {}
        for row in self.rows("Timesheets", "timesheets"):
            sheet = self.caller.payroll(f"Timesheets/{row['timesheetID']}").json()["timesheet"]
            first = datetime.fromisoformat(row["startDate"])
            found[row["timesheetID"]] = {
                "status": states.get(row["status"]),
                "hours": {
                    (
                        line["earningsRateID"],
                        line["trackingItemID"],
                        (datetime.fromisoformat(line["date"]) - first).days,
                    ): money(line["numberOfUnits"])
                    for line in sheet["timesheetLines"]
                },
            }
        return found

    def leave(self) -> dict[str, Decimal]:
        found = {}
        for employee in self.employees():
            for row in self.caller.payroll(f"Employees/{employee}/Leave").json()["leave"]:
                found[row["leaveID"]] = line_sums(row["periods"], "numberOfUnits")
        return found

    def leave_balances(self) -> list[Json]:
        return [
            {
                "employee_id": employee,
                "leave_type_id": row["leaveTypeID"],
                "name": row["name"],
                "units": money(row["balance"]),
                "type_of_units": row["typeOfUnits"],
            }
            for employee in self.employees()
            for row in self.caller.payroll(f"Employees/{employee}/LeaveBalances").json()["leaveBalances"]
        ]

    def shows(self, leave: Json) -> bool:
        return all(period["status"] in {"scheduled", "processed"} for period in leave["periods"])


Reader = Australia | Newer


def reader_of(region: str, caller: Caller) -> Reader:
    if region == "AU":
        return Australia(caller)
    lines = {
        "NZ": ("superannuationLines", "statutoryDeductionLines"),
        "UK": ("benefitLines", "courtOrderLines"),
    }
    return Newer(caller, *lines[region])


def assert_true(reader: Reader, truth: Json) -> None:
    employees = {row.pop("id"): row for row in truth["employees"]}
    for employee_id, read in reader.employees().items():
        true = employees.pop(employee_id)
        assert read == {name: true[name] for name in read}
    assert employees == {}
    runs = {row["id"]: row for row in truth["pay_runs"]}
    shown = reader.runs()
    assert set(shown) == set(runs)
    for run_id, read in shown.items():
        true = runs[run_id]
        totals = {name: money(true["totals"][name]) for name in ("earnings", "net")}
        assert read == {**{name: true[name] for name in read if name in true}, **totals}
        assert_payslips(reader.payslips(run_id), {row["id"]: row for row in true["payslips"]})
    assert_time(reader, truth)


def assert_payslips(shown: dict[str, Json], true: dict[str, Json]) -> None:
    assert set(shown) == set(true)
    for payslip_id, read in shown.items():
        slip, lines = true[payslip_id], true[payslip_id]["lines"]
        assert read["employee_id"] == slip["employee_id"]
        assert read["updated_at"] in {slip["updated_at"], None}
        assert read["earnings"] == summed(lines, "earnings", "leave", "timesheet")
        assert read["deductions"] == summed(lines, "deduction")
        assert read["reimbursements"] == summed(lines, "reimbursement")
        assert read["tax"] == summed(lines, "employee_tax")
        assert read["pension"] == summed(lines, "pension")


def assert_time(reader: Reader, truth: Json) -> None:
    sheets = {row["id"]: row for row in truth["timesheets"]}
    shown = reader.timesheets()
    assert set(shown) == set(sheets)
    for sheet_id, read in shown.items():
        assert read["status"] in {sheets[sheet_id]["status"], None}
        assert read["hours"] == hours(sheets[sheet_id])
    leave = {row["id"]: row for row in truth["leave"] if reader.shows(row)}
    units = {key: sum(money(p["units"]) for p in row["periods"]) for key, row in leave.items()}
    assert reader.leave() == units
    left = [{**row, "units": money(row["units"])} for row in truth["leave_balances"]]
    by_key = itemgetter("employee_id", "leave_type_id")
    assert left, "somebody earns leave"
    assert sorted(reader.leave_balances(), key=by_key) == sorted(left, key=by_key)


@pytest.mark.parametrize("region", ["AU", "NZ", "UK"])
def test_the_api_shows_the_truth_before_and_after_many_changes(region: str, control: Control) -> None:
    clinic = control.create_organisation(region=region, staff=6, runs=3, calendars=["weekly", "monthly"])
    reader = reader_of(region, connected(control, clinic))
    assert_true(reader, control.truth(clinic.tenant_id))
    for seed in range(60):
        control.advance(2)
        control.change(clinic.tenant_id, seed=seed)
    control.expire_tokens()
    reader.caller = connected(control, clinic)
    assert_true(reader, control.truth(clinic.tenant_id))


def test_changes_move_the_stamps_that_reveal_them(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    def stamps() -> tuple[dict[str, str], dict[str, str]]:
        listed = caller.au("PayRuns").json()["PayRuns"]
        slips: dict[str, str] = {}
        for row in listed:
            run = caller.au(f"PayRuns/{row['PayRunID']}").json()["PayRuns"][0]
            slips |= {slip["PayslipID"]: slip["UpdatedDateUTC"] for slip in run["Payslips"]}
        return {row["PayRunID"]: row["UpdatedDateUTC"] for row in listed}, slips

    runs, slips = stamps()
    control.advance(10)
    done = control.change(clinic.tenant_id, "edit_posted_payslip", moves_run_stamp=False)
    runs_after, slips_after = stamps()
    assert runs_after == runs
    assert {key for key in slips if slips[key] != slips_after[key]} == {done["payslip_id"]}
    control.advance(10)
    done = control.change(clinic.tenant_id, "edit_posted_payslip")
    assert stamps()[0][done["pay_run_id"]] != runs[done["pay_run_id"]]


def test_a_run_can_go_back_to_draft_be_edited_and_posted_again(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    control.change(clinic.tenant_id, "post_draft_run")
    reverted = control.change(clinic.tenant_id, "revert_posted_run")["pay_run_id"]
    run = caller.au(f"PayRuns/{reverted}").json()["PayRuns"][0]
    assert run["PayRunStatus"] == "DRAFT"
    edited = control.change(clinic.tenant_id, "edit_draft_payslip", adjustment="bonus", amount="100")
    assert (edited["pay_run_id"], edited["amount"]) == (reverted, "100.00")
    control.change(clinic.tenant_id, "post_draft_run", id=reverted)
    again = caller.au(f"PayRuns/{reverted}").json()["PayRuns"][0]
    assert again["PayRunStatus"] == "POSTED"
    assert money(again["Wages"]) == money(run["Wages"]) + 100


def test_a_deleted_draft_leaves_no_trace(control: Control, clinic: Organisation, caller: Caller) -> None:
    deleted = control.change(clinic.tenant_id, "delete_draft_run")
    assert caller.au(f"PayRuns/{deleted['pay_run_id']}").status == 404
    assert {caller.au(f"Payslip/{slip}").status for slip in deleted["payslip_ids"]} == {404}


def test_posting_a_run_processes_its_timesheets_and_reverting_opens_them(
    control: Control, clinic: Organisation
) -> None:
    def statuses() -> list[str]:
        return [row["status"] for row in control.truth(clinic.tenant_id, ["timesheets"])["timesheets"]]

    before = statuses()
    control.change(clinic.tenant_id, "post_draft_run")
    posted = statuses()
    assert posted.count("processed") > before.count("processed")
    control.change(clinic.tenant_id, "revert_posted_run")
    assert statuses() == before


def test_somebody_rehired_keeps_the_id_or_gets_another(control: Control, clinic: Organisation) -> None:
    back = control.change(clinic.tenant_id, "rehire_employee")
    assert back["employee_id"] == back["former_id"]
    control.settings(rehire_keeps_employee_id=False)
    again = control.change(clinic.tenant_id, "rehire_employee")
    assert again["employee_id"] != again["former_id"]
