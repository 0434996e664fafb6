from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from builders import CLINIC
from contract.given import connected
from contract.payroll import Payroll
from domain.model.ids import SourceId
from domain.model.payroll import LineKind, Record, Totals
from domain.model.streams import Stream
from domain.model.sync import Changes, Tally
from payroll_builders import (
    make_calendar,
    make_employee,
    make_employee_detail,
    make_entry,
    make_leave,
    make_line,
    make_lines,
    make_organisation,
    make_pay_item,
    make_pay_run,
    make_pay_run_detail,
    make_payslip,
    make_settings,
    make_timesheet,
    make_timesheet_detail,
    make_totals,
    make_user,
)

PAID = date(2026, 11, 17)
RUN, SLIP, EMPLOYEE = SourceId("run-1"), SourceId("slip-1"), SourceId("employee-1")

Case = tuple[str, Stream, Record, Record]
FLAT: list[Case] = [
    ("organisation", Stream.ORGANISATION, make_organisation(), make_organisation(plan="ultimate")),
    ("account_user", Stream.USERS, make_user(), make_user(role="financialadviser")),
    ("payroll_settings", Stream.SETTINGS, make_settings(), make_settings(days_in_payroll_year=366)),
    ("pay_calendar", Stream.SETTINGS, make_calendar(), make_calendar(payment_date=date(2026, 12, 15))),
    ("pay_item", Stream.SETTINGS, make_pay_item(), make_pay_item(rate_per_unit=Decimal("46.00"))),
    ("employee", Stream.EMPLOYEES, make_employee(), make_employee(status="terminated")),
    ("pay_run", Stream.PAY_RUNS, make_pay_run(), make_pay_run(status="draft")),
    ("timesheet", Stream.TIMESHEETS, make_timesheet(), make_timesheet(status="processed")),
    ("leave_application", Stream.LEAVE, make_leave(), make_leave(end_date=date(2026, 11, 11))),
]
flat = pytest.mark.parametrize("case", FLAT, ids=[one[0] for one in FLAT])


@flat
def test_the_same_record_again_is_seen_but_not_changed(payroll: Payroll, case: Case) -> None:
    table, stream, record, _ = case
    assert payroll.save(record).tallies == {stream: Tally(seen=1, changed=1)}
    before = payroll.rows(table)
    payroll.backend.pass_time(timedelta(hours=1))
    assert payroll.save(record) == Changes(tallies={stream: Tally(seen=1)})
    assert payroll.rows(table) == before


@flat
def test_a_record_that_differs_moves_its_stamp(payroll: Payroll, case: Case) -> None:
    table, stream, record, changed = case
    payroll.save(record)
    [before] = payroll.rows(table)
    payroll.backend.pass_time(timedelta(hours=1))
    assert payroll.save(changed).tallies == {stream: Tally(seen=1, changed=1)}
    [after] = payroll.rows(table)
    assert after.changed_at > before.changed_at
    assert after.values != before.values


def test_nothing_to_save_changes_nothing(payroll: Payroll) -> None:
    assert payroll.save() == Changes()


def test_amounts_are_kept_to_the_last_digit(payroll: Payroll) -> None:
    totals = Totals(
        earnings=Decimal("123456789012.34"),
        deductions=Decimal("-0.01"),
        tax=Decimal("0.00"),
        employer_pension=Decimal("0.0001"),
        employer_tax=None,
        reimbursements=Decimal(5),
        net_pay=Decimal("1E+3"),
    )
    payroll.save(make_pay_run(totals=totals))
    [row] = payroll.rows("pay_run")
    assert {name: row.values[name] for name in ("earnings", "deductions", "tax", "employer_pension")} == {
        "earnings": totals.earnings,
        "deductions": totals.deductions,
        "tax": totals.tax,
        "employer_pension": totals.employer_pension,
    }
    assert row.values["employer_tax"] is None
    assert row.values["net_pay"] == 1000


def test_an_amount_written_with_more_digits_is_the_same(payroll: Payroll) -> None:
    payroll.save(make_pay_run(totals=Totals(earnings=Decimal("10.5"))))
    assert (
        payroll.save(make_pay_run(totals=Totals(earnings=Decimal("10.5000"))))
        .tallies[Stream.PAY_RUNS]
        .changed
        == 0
    )


def test_an_employees_list_does_not_clear_what_only_the_detail_says(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    assert payroll.save(make_employee(email=None)).tallies[Stream.EMPLOYEES].changed == 0
    payroll.save(make_employee(first_name="Patricia"))
    [row] = payroll.rows("employee")
    assert row.values["first_name"] == "Patricia"
    assert row.values["job_title"] == "Physiotherapist"
    assert row.values["annual_salary"] == 90_000


def test_an_employees_detail_clears_what_it_leaves_out(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    payroll.save(make_employee_detail(summary=make_employee(email=None, job_title=None)))
    [row] = payroll.rows("employee")
    assert (row.values["email"], row.values["job_title"]) == (None, None)


def test_a_pay_runs_list_does_not_clear_the_totals_that_only_the_detail_says(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail())
    assert payroll.save(make_pay_run(totals=Totals())).tallies[Stream.PAY_RUNS].changed == 0
    [row] = payroll.rows("pay_run")
    assert row.values["earnings"] == Decimal("1729.00")


def test_a_changed_employee_is_named(payroll: Payroll) -> None:
    assert payroll.save(make_employee()).employees == {EMPLOYEE}
    assert payroll.save(make_employee()).employees == frozenset()
    assert payroll.save(make_employee_detail()).employees == {EMPLOYEE}


def test_a_changed_pay_run_is_named_with_its_payment_date(payroll: Payroll) -> None:
    assert payroll.save(make_pay_run()).pay_runs == {RUN: PAID}
    assert payroll.save(make_pay_run()).pay_runs == {}


def test_leave_balances_follow_their_employee(payroll: Payroll) -> None:
    detail = make_employee_detail()
    [balance] = detail.leave_balances
    payroll.save(detail)
    second = replace(balance, leave_type_id=SourceId("leave-type-2"), units=Decimal(8))
    assert payroll.save(replace(detail, leave_balances=(balance, second))).employees == {EMPLOYEE}
    assert len(payroll.rows("leave_balance")) == 2
    assert payroll.save(replace(detail, leave_balances=(second,))).employees == {EMPLOYEE}
    [row] = payroll.rows("leave_balance")
    assert row.values["units"] == 8
    assert payroll.save(replace(detail, leave_balances=(second,))).employees == frozenset()
    assert payroll.save(replace(detail, leave_balances=())).employees == {EMPLOYEE}
    assert payroll.rows("leave_balance") == []


def test_payslips_come_with_their_pay_run_and_take_its_payment_date(payroll: Payroll) -> None:
    changes = payroll.save(make_pay_run_detail("run-1", "slip-1", "slip-2"))
    assert changes.tallies == {Stream.PAY_RUNS: Tally(seen=1, changed=1)}
    assert changes.pay_runs == {RUN: PAID}
    assert changes.employees == {EMPLOYEE}
    rows = payroll.rows("payslip")
    assert [(row.values["payment_date"], row.stale) for row in rows] == [(PAID, True), (PAID, True)]


def test_a_payslip_that_differs_makes_its_pay_run_and_employee_change(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail())
    slip = make_payslip(totals=Totals(net_pay=Decimal(1)))
    changes = payroll.save(replace(make_pay_run_detail(), payslips=(slip,)))
    assert changes.tallies == {Stream.PAY_RUNS: Tally(seen=1, changed=1)}
    assert (changes.pay_runs, changes.employees) == ({RUN: PAID}, frozenset({EMPLOYEE}))


def test_a_payslip_that_its_pay_run_no_longer_shows_is_deleted(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail("run-1", "slip-1", "slip-2"), make_pay_run_detail("run-2", "slip-3"))
    changes = payroll.save(make_pay_run_detail("run-1", "slip-1"))
    assert (changes.pay_runs, changes.employees) == ({RUN: PAID}, frozenset({EMPLOYEE}))
    assert changes.gone == {"slip-2"}
    rows = payroll.rows("payslip")
    assert [row.deleted_at is None for row in rows] == [True, False, True]
    assert [row.stale for row in rows] == [True, False, True]
    assert payroll.save(make_pay_run_detail("run-1", "slip-1")).pay_runs == {}


def test_a_pay_run_without_payslips_deletes_all_it_had(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail())
    payroll.save(replace(make_pay_run_detail(), payslips=()))
    [row] = payroll.rows("payslip")
    assert row.deleted_at is not None


def test_a_payslip_that_is_shown_again_comes_back(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail("run-1", "slip-1", "slip-2"))
    payroll.save(make_pay_run_detail("run-1", "slip-1"))
    changes = payroll.save(make_pay_run_detail("run-1", "slip-1", "slip-2"))
    assert changes.pay_runs == {RUN: PAID}
    assert [(row.deleted_at, row.stale) for row in payroll.rows("payslip")] == [(None, True)] * 2


def test_a_payslip_by_itself_takes_its_runs_payment_date(payroll: Payroll) -> None:
    changes = payroll.save(make_payslip(), make_pay_run())
    assert changes.tallies[Stream.PAYSLIPS] == Tally(seen=1, changed=1)
    [row] = payroll.rows("payslip")
    assert row.values["payment_date"] == PAID


def test_the_lines_of_a_payslip_are_all_of_them_or_none(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail())
    changes = payroll.save(make_lines("slip-1", make_line(0), make_line(1, amount=Decimal("-5.25"))))
    assert changes.tallies == {Stream.PAYSLIPS: Tally(seen=1, changed=1)}
    assert (changes.pay_runs, changes.employees) == ({RUN: PAID}, frozenset({EMPLOYEE}))
    assert [row.values["amount"] for row in payroll.rows("pay_line")] == [
        Decimal("1729.00"),
        Decimal("-5.25"),
    ]
    assert payroll.save(make_lines("slip-1", make_line(0))).tallies[Stream.PAYSLIPS].changed == 1
    assert len(payroll.rows("pay_line")) == 1
    assert payroll.save(make_lines("slip-1", make_line(0))).tallies[Stream.PAYSLIPS].changed == 0


def test_lines_are_told_apart_by_kind_and_position(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail())
    lines = [make_line(0), make_line(0, kind=LineKind.EMPLOYEE_TAX), make_line(1)]
    payroll.save(make_lines("slip-1", *lines))
    assert len(payroll.rows("pay_line")) == 3


def test_the_entries_of_a_timesheet_follow_it(payroll: Payroll) -> None:
    entries = (make_entry(0), make_entry(1, day=date(2026, 11, 3)))
    assert payroll.save(make_timesheet_detail(entries=entries)).employees == {EMPLOYEE}
    assert payroll.save(make_timesheet_detail(entries=entries)).employees == frozenset()
    assert payroll.save(make_timesheet_detail(entries=entries[:1])).employees == {EMPLOYEE}
    [row] = payroll.rows("timesheet_entry")
    assert (row.values["day"], row.values["units"]) == (date(2026, 11, 2), Decimal("7.60"))


def test_the_periods_of_a_leave_application_follow_it(payroll: Payroll) -> None:
    leave = make_leave()
    payroll.save(leave)
    assert payroll.save(replace(leave, periods=())).employees == {EMPLOYEE}
    assert payroll.rows("leave_period") == []
    assert payroll.save(replace(leave, periods=())).employees == frozenset()


def test_a_batch_may_show_one_record_twice_and_the_last_counts(payroll: Payroll) -> None:
    payroll.save(make_employee(first_name="Old"), make_employee(first_name="New"))
    [row] = payroll.rows("employee")
    assert row.values["first_name"] == "New"


def test_settings_keep_their_accounts(payroll: Payroll) -> None:
    payroll.save(make_settings())
    [row] = payroll.rows("payroll_settings")
    assert list(row.values["accounts"]) == [
        {"id": "account-1", "type": "wagesexpense", "code": "477", "name": "Wages"}
    ]
    assert row.values["tracking_categories"] is None


@pytest.mark.parametrize("order", [1, -1])
def test_settings_that_come_in_two_answers_are_both_kept(payroll: Payroll, order: int) -> None:
    """As in New Zealand and the United Kingdom, mostly in one batch."""
    payroll.save(make_settings(accounts=({"id": "old"},), tracking_categories=({"id": "old"},)))
    accounts = make_settings(days_in_payroll_year=None, accounts=({"id": "new"},))
    tracking = make_settings(days_in_payroll_year=None, accounts=None, tracking_categories=({"id": "new"},))
    payroll.save(*[accounts, tracking][::order])
    [row] = payroll.rows("payroll_settings")
    kept = row.values["accounts"], row.values["tracking_categories"], row.values["days_in_payroll_year"]
    assert [list(kept[0]), list(kept[1]), kept[2]] == [[{"id": "new"}], [{"id": "new"}], 365]


def test_records_belong_to_their_connection(payroll: Payroll) -> None:
    other = connected(payroll.backend.transaction, "clinic-2", "tenant-2")
    payroll.save(make_employee())
    with payroll.backend.transaction(other.clinic_id) as stores:
        changes = stores.payroll.save(other.id, [make_employee(first_name="Another")])
    assert changes.tallies[Stream.EMPLOYEES].changed == 1
    [mine] = payroll.rows("employee")
    assert mine.values["first_name"] == "Pat"


def test_erasing_deletes_every_row_and_counts_them(payroll: Payroll) -> None:
    other = connected(payroll.backend.transaction, "clinic-2", "tenant-2")
    everything = [
        *(record for _, _, record, _ in FLAT),
        make_employee_detail(),
        make_pay_run_detail("run-1", "slip-1", "slip-2", totals=Totals(net_pay=Decimal("2858.00"))),
        make_lines("slip-1", make_line(0), make_line(1)),
        make_timesheet_detail(),
    ]
    corrected = make_payslip("slip-1", totals=make_totals(tax=Decimal("301.00")))
    for clinic, connection in ((CLINIC, payroll.connection), (other.clinic_id, other)):
        with payroll.backend.transaction(clinic) as stores:
            stores.payroll.save(connection.id, everything)
            stores.payroll.save(connection.id, [corrected])
    with payroll.backend.transaction(CLINIC) as stores:
        rows = stores.payroll.erase(payroll.connection.id)
    assert rows == {
        "correction": 1,
        "employee_version": 1,
        "pay_line": 2,
        "payslip": 2,
        "pay_run": 1,
        "timesheet_entry": 1,
        "timesheet": 1,
        "leave_period": 1,
        "leave_application": 1,
        "leave_balance": 1,
        "employee": 1,
        "pay_item": 1,
        "pay_calendar": 1,
        "payroll_settings": 1,
        "account_user": 1,
        "organisation": 1,
    }
    assert all(not payroll.rows(table) for table in rows)
    assert all(payroll.backend.payroll(table, other.id) for table in rows)
    with payroll.backend.transaction(CLINIC) as stores:
        assert set(stores.payroll.erase(payroll.connection.id).values()) == {0}
