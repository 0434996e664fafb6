"""Record by record: what cannot be read of an answer is set aside, and the rest of it is kept."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.xero.documents import document_of
from adapters.xero.readings import Reading, records_of
from adapters.xero.regions import accounting, au
from adapters.xero.transport import Answer
from domain.errors import AnswerUnreadable
from domain.model.payroll import (
    EmployeeDetail,
    EmployeeSummary,
    LeaveApplication,
    LineKind,
    PayRunDetail,
    PayslipLines,
    TimesheetDetail,
)
from domain.model.streams import Resource
from domain.model.sync import Unreadable

CANARY = "s3cr3t-canary"
READINGS: dict[Resource, Reading] = {**accounting.READINGS, **au.READINGS}

DAY = "/Date(1795143600000+0000)/"
EMPLOYEE = {"EmployeeID": "employee-1", "Status": "ACTIVE", "FirstName": "Pat"}
PAY_RUN = {
    "PayRunID": "run-1",
    "PayRunStatus": "POSTED",
    "PayRunPeriodStartDate": DAY,
    "PayRunPeriodEndDate": DAY,
    "PaymentDate": DAY,
}
PAYSLIP = {"PayslipID": "slip-1"}
TIMESHEET = {"TimesheetID": "sheet-1", "EmployeeID": "employee-1", "StartDate": DAY, "EndDate": DAY}
LEAVE = {"LeaveApplicationID": "leave-1", "EmployeeID": "employee-1", "StartDate": DAY, "EndDate": DAY}
ORGANISATION = {"OrganisationID": "tenant-1", "Name": "Clinic"}

GOOD: dict[Resource, tuple[tuple[str, ...], dict[str, Any]]] = {
    Resource.ORGANISATION: (("Organisations",), ORGANISATION),
    Resource.USERS: (("Users",), {"UserID": "user-1"}),
    Resource.PAY_CALENDARS: (("PayrollCalendars",), {"PayrollCalendarID": "calendar-1"}),
    Resource.PAY_ITEMS: (("PayItems", "EarningsRates"), {"EarningsRateID": "item-1"}),
    Resource.EMPLOYEES: (("Employees",), EMPLOYEE),
    Resource.EMPLOYEE: (("Employees",), EMPLOYEE),
    Resource.PAY_RUNS: (("PayRuns",), PAY_RUN),
    Resource.PAY_RUN: (("PayRuns",), PAY_RUN),
    Resource.PAYSLIP: (("Payslip",), PAYSLIP),
    Resource.TIMESHEETS: (("Timesheets",), TIMESHEET),
    Resource.LEAVE: (("LeaveApplications",), LEAVE),
}
resources = pytest.mark.parametrize("resource", GOOD)


def read(resource: Resource, *records: object) -> tuple[list[Any], list[Unreadable], int]:
    """What comes of a body with these records where the resource has its own."""
    path, _ = GOOD[resource]
    body: object = list(records)
    for name in reversed(path):
        body = {name: body}
    return read_body(resource, json.dumps(body).encode())


def read_body(resource: Resource, body: bytes) -> tuple[list[Any], list[Unreadable], int]:
    return records_of(READINGS[resource], document_of(Answer(200, {}, body, len(body))))


def one(resource: Resource, record: dict[str, Any]) -> Any:
    [found], unreadable, held = read(resource, record)
    assert (unreadable, held) == ([], 1)
    return found


@resources
def test_the_least_of_a_record_is_read(resource: Resource) -> None:
    one(resource, GOOD[resource][1])


@resources
def test_unknown_fields_are_never_looked_at(resource: Resource) -> None:
    record = GOOD[resource][1]
    more = {"TaxFileNumber": CANARY, "BankAccounts": [{"BSB": CANARY}], "New": {"a": [CANARY, None, 1e9]}}
    found = one(resource, {**record, **more})
    assert found == one(resource, record)
    assert CANARY not in repr(found)


@resources
def test_a_record_without_its_id_is_set_aside_and_the_rest_is_kept(resource: Resource) -> None:
    good = GOOD[resource][1]
    name = next(iter(good))
    wrong: list[object] = [None, 7, [], {}]
    for value in wrong:
        found, unreadable, held = read(resource, good, {**good, name: value}, good)
        assert (len(found), held) == (2, 3)
        [left] = unreadable
        assert left.source_id is None
        assert name in left.why


@pytest.mark.parametrize("junk", [None, 7, "text", True, [], ["a"], {}, {"new": 1}], ids=str)
@resources
def test_what_is_no_record_is_set_aside_and_the_rest_is_kept(resource: Resource, junk: object) -> None:
    good = GOOD[resource][1]
    found, unreadable, held = read(resource, junk, good)
    assert (len(found), len(unreadable), held) == (1, 1, 2)
    assert unreadable[0].source_id is None


REQUIRED = [
    (resource, name)
    for resource, (_, record) in GOOD.items()
    for name in list(record)[1:]
    if name != "FirstName"
]


@pytest.mark.parametrize(("resource", "name"), REQUIRED)
@pytest.mark.parametrize("value", [None, 7, [CANARY], {"a": CANARY}], ids=str)
def test_a_record_that_cannot_be_read_is_named_and_says_why_without_its_value(
    resource: Resource, name: str, value: object
) -> None:
    good = GOOD[resource][1]
    found, unreadable, _ = read(resource, {**good, name: value}, good)
    assert len(found) == 1
    [left] = unreadable
    assert left.source_id == next(iter(good.values()))
    assert left.why
    assert CANARY not in repr(left)


BAD_AMOUNTS = ["1E+16", CANARY, [1], {}]


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=str)
def test_an_amount_that_cannot_be_meant_spoils_its_record_only(amount: object) -> None:
    bad = {**PAY_RUN, "PayRunID": "run-bad", "NetPay": amount}
    found, unreadable, _ = read(Resource.PAY_RUNS, bad, PAY_RUN)
    assert [run.id for run in found] == ["run-1"]
    assert [left.source_id for left in unreadable] == ["run-bad"]
    assert CANARY not in repr(unreadable)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_body_with_a_number_that_is_none_spoils_one_record_only(amount: str) -> None:
    good = json.dumps(PAY_RUN)
    bad = good.replace("run-1", "run-bad")[:-1] + f', "NetPay": {amount}}}'
    found, unreadable, _ = read_body(Resource.PAY_RUNS, f'{{"PayRuns": [{bad}, {good}]}}'.encode())
    assert [run.id for run in found] == ["run-1"]
    assert [left.source_id for left in unreadable] == ["run-bad"]


def test_bytes_that_are_no_text_spoil_one_record_at_most() -> None:
    good = json.dumps(EMPLOYEE).encode()
    bad = good.replace(b"Pat", b"P\xff").replace(b"employee-1", b"employee-2")
    found, unreadable, held = read_body(Resource.EMPLOYEES, b'{"Employees": [' + bad + b"," + good + b"]}")
    assert "employee-1" in [employee.id for employee in found]
    assert len(found) + len(unreadable) == held == 2


def test_text_is_cleaned_of_what_no_database_holds() -> None:
    found = one(Resource.EMPLOYEES, {**EMPLOYEE, "FirstName": "P\x00at", "LastName": "half \ud800"})
    assert (found.first_name, found.last_name) == ("Pat", "half ?")


@resources
def test_an_id_that_no_database_holds_spoils_its_record_only(resource: Resource) -> None:
    good = GOOD[resource][1]
    found, unreadable, _ = read(resource, {**good, next(iter(good)): "a\x00b"}, good)
    assert (len(found), len(unreadable)) == (1, 1)
    assert unreadable[0].source_id is None


NOTHING = [b"{}", b'{"Status": "OK"}', b'{"Employees": null}', b'{"Employees": []}']


@pytest.mark.parametrize("body", NOTHING)
def test_a_body_without_records_has_none(body: bytes) -> None:
    assert read_body(Resource.EMPLOYEES, body) == ([], [], 0)


def test_one_record_may_come_without_its_list() -> None:
    body = json.dumps({"Payslip": PAYSLIP}).encode()
    assert read_body(Resource.PAYSLIP, body) == ([PayslipLines(payslip_id="slip-1", lines=())], [], 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b'{"PayItems": 7}', b'{"PayItems": "text"}', b'{"PayItems": [1]}'])
def test_a_body_whose_top_is_of_another_shape_is_unreadable(body: bytes) -> None:
    with pytest.raises(AnswerUnreadable):
        read_body(Resource.PAY_ITEMS, body)


def test_numbers_and_flags_may_come_as_text() -> None:
    item = {
        "EarningsRateID": "item-1",
        "RatePerUnit": "45.5000",
        "CurrentRecord": "false",
        "AccountCode": 477,
    }
    found = one(Resource.PAY_ITEMS, item)
    assert (found.rate_per_unit, found.is_current, found.account_code) == (Decimal("45.5000"), False, "477")


def test_words_that_xero_may_add_are_kept() -> None:
    assert one(Resource.EMPLOYEES, {**EMPLOYEE, "Status": "ONHOLIDAY"}).status == "onholiday"
    assert one(Resource.PAY_RUNS, {**PAY_RUN, "PayRunStatus": "Half Posted"}).status == "half posted"


def test_a_template_line_at_the_ordinary_rate_says_what_somebody_is_paid() -> None:
    lines = [
        {"EarningsRateID": "other", "RatePerUnit": 1},
        {"EarningsRateID": "rate-1", "CalculationType": "ANNUALSALARY", "AnnualSalary": 90_000.5},
    ]
    record = {**EMPLOYEE, "OrdinaryEarningsRateID": "rate-1", "PayTemplate": {"EarningsLines": lines}}
    found = one(Resource.EMPLOYEE, record)
    assert isinstance(found, EmployeeDetail)
    assert (found.pay_basis, found.annual_salary) == ("annualsalary", Decimal("90000.5"))


@pytest.mark.parametrize("template", [None, {}, {"EarningsLines": None}, {"EarningsLines": []}], ids=str)
def test_somebody_without_a_template_is_paid_nothing_that_we_know(template: object) -> None:
    found = one(Resource.EMPLOYEE, {**EMPLOYEE, "PayTemplate": template})
    assert (found.pay_basis, found.annual_salary, found.rate_per_unit) == (None, None, None)


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ({"RatePerUnit": 45.455, "NumberOfUnits": 7.5}, "340.91"),
        ({"RatePerUnit": 0.005, "NumberOfUnits": 1}, "0.01"),
        ({"RatePerUnit": -0.005, "NumberOfUnits": 1}, "-0.01"),
        ({"FixedAmount": 12.34, "RatePerUnit": 1, "NumberOfUnits": 1}, "12.34"),
        ({"Amount": 1, "FixedAmount": 2}, "1"),
        ({"RatePerUnit": 45}, None),
        ({"NumberOfUnits": 45}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_lines_amount_is_as_said_or_units_times_rate_to_the_cent(
    line: dict[str, Any], amount: str | None
) -> None:
    found = one(Resource.PAYSLIP, {**PAYSLIP, "EarningsLines": [line]})
    [kept] = found.lines
    assert kept.kind is LineKind.EARNINGS
    assert kept.amount == (Decimal(amount) if amount else None)


def test_lines_are_numbered_within_their_kind() -> None:
    record = {**PAYSLIP, "EarningsLines": [{}, {}], "LeaveEarningsLines": [{}], "TaxLines": [{"Amount": 1}]}
    found = one(Resource.PAYSLIP, record)
    assert [(line.kind, line.position) for line in found.lines] == [
        (LineKind.EARNINGS, 0),
        (LineKind.EARNINGS, 1),
        (LineKind.LEAVE_EARNINGS, 0),
        (LineKind.EMPLOYEE_TAX, 0),
    ]


def test_one_bad_line_sets_its_whole_payslip_aside() -> None:
    found, unreadable, _ = read(Resource.PAYSLIP, {**PAYSLIP, "EarningsLines": [{}, {"Amount": 1e30}]})
    assert (found, [left.source_id for left in unreadable]) == ([], ["slip-1"])


def test_a_timesheets_units_are_counted_from_its_first_day() -> None:
    lines = [
        {"EarningsRateID": "a", "NumberOfUnits": [7.6, 0, 8]},
        {"EarningsRateID": "b", "NumberOfUnits": None},
    ]
    found = one(Resource.TIMESHEETS, {**TIMESHEET, "TimesheetLines": lines})
    assert isinstance(found, TimesheetDetail)
    assert [(entry.position, entry.day, entry.units) for entry in found.entries] == [
        (0, date(2026, 11, 20), Decimal("7.6")),
        (1, date(2026, 11, 22), Decimal(8)),
    ]


def test_a_day_for_which_a_timesheet_says_nothing_spoils_nothing() -> None:
    line = {"EarningsRateID": "rate-1", "NumberOfUnits": [7.6, None, 0, "3.8"]}
    sheet = one(Resource.TIMESHEETS, {**TIMESHEET, "TimesheetLines": [line]})
    assert [entry.units for entry in sheet.entries] == [Decimal("7.6"), Decimal("3.8")]
    first, last = (entry.day for entry in sheet.entries)
    assert (last - first).days == 3


def test_a_tracking_category_may_say_more_than_we_know() -> None:
    category = {"TrackingCategoryID": "category-1", "TrackingCategoryName": "Region", "IsArchived": False}
    body = json.dumps({"Settings": {"TrackingCategories": {"EmployeeGroups": category, "A": None, "B": {}}}})
    [found], unreadable, _ = read_body(Resource.PAYROLL_SETTINGS, body.encode())
    assert unreadable == []
    assert found.tracking_categories == ({"use": "EmployeeGroups", "id": "category-1", "name": "Region"},)


@pytest.mark.parametrize(
    ("said", "rate"),
    [({"RatePerUnit": "38.5"}, "38.5"), ({"Amount": 45.0}, "45.0"), ({"RatePerUnit": 0, "Amount": 1}, "0")],
)
def test_an_item_of_a_fixed_amount_has_that_as_its_rate(said: dict[str, object], rate: str) -> None:
    assert one(Resource.PAY_ITEMS, {"EarningsRateID": "item-1", **said}).rate_per_unit == Decimal(rate)


def test_a_timesheet_that_runs_off_the_calendar_is_set_aside() -> None:
    record = {**TIMESHEET, "StartDate": "9999-12-31", "TimesheetLines": [{"NumberOfUnits": [1, 1]}]}
    found, unreadable, _ = read(Resource.TIMESHEETS, record)
    assert (found, len(unreadable)) == ([], 1)


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from([CANARY, DAY, "NaN", "1e999", "2026-02-30", "", "0", [], {}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = {
    resource: sorted({name for part in READINGS[resource].parts for name in part.struct.__struct_fields__})
    for resource in GOOD
}


@pytest.mark.parametrize("resource", GOOD)
@settings(max_examples=40)
@given(st.data())
def test_no_value_of_any_field_spoils_more_than_its_record(resource: Resource, data: st.DataObject) -> None:
    good = GOOD[resource][1]
    changes = data.draw(st.dictionaries(st.sampled_from(FIELDS[resource]), ANY_JSON, min_size=1, max_size=3))
    found, unreadable, held = read(resource, good, {**good, **changes}, good)
    assert held == 3
    assert len(found) + len(unreadable) == 3
    assert len(found) >= 2
    assert not any(CANARY in left.why for left in unreadable)


@given(ANY_JSON)
def test_no_shape_of_an_answer_does_more_than_being_unreadable(value: object) -> None:
    for name in ("Employees", "PayItems", "Settings"):
        body = json.dumps({name: value}).encode()
        for resource in (Resource.EMPLOYEES, Resource.PAY_ITEMS, Resource.PAYROLL_SETTINGS):
            try:
                found, unreadable, held = read_body(resource, body)
            except AnswerUnreadable:
                continue
            assert len(found) + len(unreadable) == held


@pytest.mark.parametrize("depth", range(900, 1_000, 7))
def test_a_record_that_nests_deep_spoils_nothing_else(depth: int) -> None:
    good = json.dumps(EMPLOYEE).encode()
    deep = good.replace(b"employee-1", b"employee-2")[:-1] + b', "New": ' + b"[" * depth + b"]" * depth + b"}"
    try:
        found, unreadable, held = read_body(
            Resource.EMPLOYEES, b'{"Employees": [' + deep + b"," + good + b"]}"
        )
    except AnswerUnreadable:
        return
    assert isinstance(found[-1], EmployeeSummary)
    assert len(found) + len(unreadable) == held == 2


def test_leave_keeps_no_words_about_why() -> None:
    record = {**LEAVE, "Title": CANARY, "Description": CANARY, "LeavePeriods": [{"NumberOfUnits": 7.6}]}
    found = one(Resource.LEAVE, record)
    assert isinstance(found, LeaveApplication)
    assert CANARY not in repr(found)
    assert [period.units for period in found.periods] == [Decimal("7.6")]


def test_a_pay_run_in_full_has_its_payslips() -> None:
    found = one(
        Resource.PAY_RUN, {**PAY_RUN, "Payslips": [{"PayslipID": "s", "EmployeeID": "e", "Wages": 1.10}]}
    )
    assert isinstance(found, PayRunDetail)
    assert [(slip.id, slip.pay_run_id, slip.totals.earnings) for slip in found.payslips] == [
        ("s", "run-1", Decimal("1.1"))
    ]
