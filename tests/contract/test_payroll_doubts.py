from datetime import date, timedelta

import pytest
from sqlalchemy import event

from adapters.postgres.transaction import PostgresStores
from builders import CLINIC
from contract.backends import PostgresBackend
from contract.given import connected
from contract.payroll import Payroll
from domain.model.budget import Lane
from domain.model.ids import SourceId
from domain.model.payroll import EmployeeDetail, PayItemKind, Record
from domain.model.plans import AU, NZ
from domain.model.streams import Resource
from domain.model.sync import Changes, DetailRequest, Scan, Unreadable
from payroll_builders import (
    make_calendar,
    make_employee,
    make_employee_detail,
    make_leave,
    make_lines,
    make_pay_item,
    make_pay_run_detail,
    make_timesheet_detail,
    make_user,
)

OLD = {"payment_date": date(2026, 1, 6), "period_end": date(2026, 1, 4)}


def detail(resource: Resource, name: str) -> DetailRequest:
    return DetailRequest(resource, SourceId(name))


def read_in_full(payroll: Payroll) -> None:
    """Two calendars, each with a draft and two posted runs, all read."""
    for calendar in ("c1", "c2"):
        on = {"calendar_id": SourceId(calendar)}
        payroll.save(
            make_pay_run_detail(f"{calendar}-old", f"{calendar}-slip-1", **OLD, **on),
            make_pay_run_detail(f"{calendar}-new", f"{calendar}-slip-2", **on),
            make_pay_run_detail(
                f"{calendar}-draft",
                f"{calendar}-slip-3",
                status="draft",
                payment_date=date(2026, 12, 1),
                **on,
            ),
        )
        payroll.save(*(make_lines(f"{calendar}-slip-{number}") for number in (1, 2, 3)))
    payroll.backfilled()
    assert payroll.todo() == []


def test_drafts_and_each_calendars_newest_posted_run_are_doubted(payroll: Payroll) -> None:
    read_in_full(payroll)
    payroll.doubt_newest()
    assert sorted(payroll.todo()) == [
        "pay_run:c1-draft",
        "pay_run:c1-new",
        "pay_run:c2-draft",
        "pay_run:c2-new",
    ]


def test_deleted_pay_runs_are_not_doubted(payroll: Payroll) -> None:
    read_in_full(payroll)
    payroll.gone(detail(Resource.PAY_RUN, "c1-new"), detail(Resource.PAY_RUN, "c1-draft"))
    payroll.doubt_newest()
    assert sorted(payroll.todo()) == ["pay_run:c1-old", "pay_run:c2-draft", "pay_run:c2-new"]


def test_doubting_is_no_change_of_the_record(payroll: Payroll) -> None:
    read_in_full(payroll)
    before = [row.changed_at for row in payroll.rows("pay_run")]
    payroll.backend.pass_time(timedelta(hours=1))
    payroll.doubt_newest()
    payroll.doubt_all()
    assert [row.changed_at for row in payroll.rows("pay_run")] == before


def test_everything_can_be_doubted_and_is_backfill_again(payroll: Payroll) -> None:
    read_in_full(payroll)
    payroll.save(make_employee_detail(), make_timesheet_detail(), make_leave())
    payroll.gone(detail(Resource.EMPLOYEE, "employee-1"))
    payroll.doubt_all()
    assert payroll.todo() == [
        "pay_run:c1-draft",
        "pay_run:c2-draft",
        "timesheet:sheet-1",
        "leave_application:leave-1",
        "payslip:c1-slip-3",
        "payslip:c2-slip-3",
    ]
    assert len(payroll.todo(Lane.BACKFILL)) == 13


def terminated(name: str, end_date: date | None = None) -> EmployeeDetail:
    summary = make_employee(name, status="terminated", end_date=end_date)
    return make_employee_detail(name, summary=summary)


LISTS: list[tuple[Resource, str, Record, Record]] = [
    (Resource.PAY_RUNS, "pay_run", make_pay_run_detail("a", **OLD), make_pay_run_detail("b")),
    (Resource.TIMESHEETS, "timesheet", make_timesheet_detail("a"), make_timesheet_detail("b")),
    (Resource.LEAVE, "leave_application", make_leave("a"), make_leave("b")),
]
STAFF: list[tuple[Resource, str, Record, Record]] = [
    (Resource.EMPLOYEES, "employee", make_employee_detail("a"), make_employee_detail("b")),
    (Resource.TERMINATED_EMPLOYEES, "employee", terminated("a"), terminated("b")),
]
CATALOGUES: list[tuple[Resource, str, Record, Record]] = [
    (Resource.USERS, "account_user", make_user("a"), make_user("b")),
    (Resource.PAY_ITEMS, "pay_item", make_pay_item("a"), make_pay_item("b")),
    (Resource.EARNINGS_RATES, "pay_item", make_pay_item("a"), make_pay_item("b")),
    (Resource.PAY_CALENDARS, "pay_calendar", make_calendar("a"), make_calendar("b")),
]
CASE = ("resource", "table", "shown", "unseen")


@pytest.mark.parametrize(CASE, [*LISTS, *CATALOGUES], ids=lambda one: str(one)[:20])
def test_what_a_list_of_one_page_does_not_show_is_gone(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    payroll.save(shown, unseen)
    assert payroll.count(resource) == 2
    assert [tally.gone for tally in payroll.end_scan(resource, shown).tallies.values()] == [1]
    assert payroll.there(table) == [True, False]
    assert payroll.end_scan(resource, shown) == Changes()
    assert payroll.count(resource) == 1


@pytest.mark.parametrize(CASE, LISTS, ids=lambda one: str(one)[:20])
def test_what_several_pages_do_not_show_is_asked_for_by_itself(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    payroll.save(shown, unseen)
    payroll.scan(resource, shown)
    assert payroll.end_scan(resource, shown, page=2) == Changes()
    assert [one for one in payroll.todo() if one.startswith(table)] == [f"{table}:b"]
    assert payroll.there(table) == [True, True]


@pytest.mark.parametrize(CASE, STAFF, ids=lambda one: str(one)[:20])
def test_an_employee_may_be_in_another_list_and_is_always_asked_for(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    payroll.save(shown, unseen)
    assert payroll.end_scan(resource, shown) == Changes()
    assert payroll.todo() == ["employee:b"]
    assert payroll.there(table) == [True, True]


@pytest.mark.parametrize(CASE, [*LISTS, *STAFF, *CATALOGUES], ids=lambda one: str(one)[:20])
def test_what_was_saved_once_is_held_by_its_id(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    assert not payroll.holds({resource: ["a"]})
    assert payroll.there(table) == []
    payroll.save(shown)
    assert payroll.holds({resource: ["a"]})
    assert payroll.holds({resource: []})
    assert not payroll.holds({resource: ["a", "b"]})
    assert not payroll.holds({resource: ["a"], Resource.USERS: ["nobody"]})
    payroll.save(unseen)
    payroll.end_scan(resource, unseen)
    assert payroll.holds({resource: ["a", "b"]})


@pytest.mark.parametrize(CASE, [*LISTS, *STAFF], ids=lambda one: str(one)[:20])
def test_an_empty_list_where_there_was_something_is_not_believed(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    payroll.save(shown, unseen)
    assert payroll.end_scan(resource) == Changes()
    doubted = {*payroll.todo(), *payroll.todo(Lane.BACKFILL)}
    assert len([one for one in doubted if one.startswith(table)]) == 2
    assert payroll.there(table) == [True, True]


@pytest.mark.parametrize(CASE, CATALOGUES, ids=lambda one: str(one)[:20])
def test_an_empty_catalogue_deletes_nothing(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    payroll.save(shown, unseen)
    assert payroll.end_scan(resource) == Changes()
    assert payroll.there(table) == [True, True]


def test_a_catalogue_of_one_kind_says_nothing_of_the_others(payroll: Payroll) -> None:
    payroll.save(make_pay_item("a"), make_pay_item("b", kind=PayItemKind.LEAVE))
    payroll.end_scan(Resource.EARNINGS_RATES, make_pay_item("a"))
    assert payroll.there("pay_item") == [True, True]


@pytest.mark.parametrize(CASE, CATALOGUES, ids=lambda one: str(one)[:20])
def test_what_several_pages_of_a_catalogue_do_not_show_twice_in_a_row_is_gone(
    payroll: Payroll, resource: Resource, table: str, shown: Record, unseen: Record
) -> None:
    """It may have moved from the second page to the first, in the place of something that was deleted."""
    payroll.save(shown, unseen)
    payroll.scan(resource, unseen)
    assert payroll.end_scan(resource, shown, page=2) == Changes()
    for others in ([shown], [shown, unseen], [shown]):
        payroll.scan(resource, shown)
        assert payroll.end_scan(resource, *others, page=2) == Changes()
        assert payroll.there(table) == [True, True]
    payroll.scan(resource, shown)
    assert payroll.end_scan(resource, shown, page=2).gone == {"b"}
    assert payroll.there(table) == [True, False]


def test_a_scan_that_shows_something_again_on_its_only_page_counts_as_well(payroll: Payroll) -> None:
    payroll.save(make_user("a"), make_user("b"))
    for _ in range(2):
        payroll.scan(Resource.USERS, make_user("a"))
        payroll.end_scan(Resource.USERS, make_user("a"), page=2)
        payroll.end_scan(Resource.USERS, make_user("a"), make_user("b"))
    assert payroll.there("account_user") == [True, True]


def test_a_scan_that_begins_again_forgets_what_an_earlier_one_showed(payroll: Payroll) -> None:
    payroll.save(make_user("a"), make_user("b"), make_user("c"))
    for _ in range(2):
        payroll.scan(Resource.USERS, make_user("a"), make_user("b"))
        payroll.scan(Resource.USERS, make_user("a"))
        payroll.end_scan(Resource.USERS, make_user("c"), page=2)
    assert payroll.there("account_user") == [True, False, True]


def test_an_unreadable_record_was_shown_if_it_says_which_it_is(payroll: Payroll) -> None:
    payroll.save(make_user("a"), make_user("b"), make_user("c"))
    unreadable = (Unreadable(SourceId("a"), "why"),)
    payroll.end_scan(Resource.USERS, make_user("b"), unreadable=unreadable)
    assert payroll.there("account_user") == [True, True, False]


def test_nothing_is_taken_to_be_gone_where_a_record_did_not_say_which_it_is(payroll: Payroll) -> None:
    payroll.save(make_user("a"), make_user("b"))
    unreadable = (Unreadable(None, "why"),)
    assert payroll.end_scan(Resource.USERS, make_user("a"), unreadable=unreadable) == Changes()
    assert payroll.there("account_user") == [True, True]


def test_the_staff_and_the_runs_of_the_last_year_are_doubted(payroll: Payroll) -> None:
    long_ago = {"payment_date": date(2024, 1, 6), "period_end": date(2024, 1, 4)}
    payroll.save(
        make_employee_detail("a"),
        terminated("b"),
        terminated("c", date(2024, 1, 4)),
        terminated("d", payroll.today() - timedelta(days=300)),
        make_pay_run_detail("new", "slip-1"),
        make_pay_run_detail("old", "slip-2", **long_ago),
    )
    payroll.save(make_lines("slip-1"), make_lines("slip-2"))
    payroll.backfilled()
    payroll.doubt_recent(Resource.PAYSLIP)
    assert payroll.todo() == []
    payroll.doubt_recent()
    assert payroll.recent(*AU.details) == {Resource.EMPLOYEE: 2, Resource.PAY_RUN: 1}
    assert payroll.recent(Resource.PAY_RUN, Resource.PAYSLIP) == {Resource.PAY_RUN: 1}
    assert sorted(payroll.todo()) == ["employee:a", "employee:d", "pay_run:new"]


def test_in_parts_each_is_doubted_once_and_a_draft_in_all_of_them(payroll: Payroll) -> None:
    staff = [make_employee_detail(f"employee-{number}") for number in range(20)]
    runs = [make_pay_run_detail(f"run-{number}", f"slip-{number}") for number in range(20)]
    payroll.save(*staff, *runs, make_pay_run_detail("draft", "slip-of-draft", status="draft"))
    payroll.backfilled()
    found: list[list[str]] = []
    for part in range(3):
        payroll.save(*staff, *runs, make_pay_run_detail("draft", "slip-of-draft", status="draft"))
        before = set(payroll.todo())
        payroll.doubt_recent(Resource.EMPLOYEE, Resource.PAY_RUN, part=part, parts=3)
        found.append([one for one in payroll.todo() if one not in before])
    assert [part.count("pay_run:draft") for part in found] == [1, 1, 1]
    doubted = [one for part in found for one in part if one != "pay_run:draft"]
    assert len(doubted) == len(set(doubted)) == 40
    assert all(len(part) > 1 for part in found)


def test_what_a_region_shows_only_as_a_part_of_something_is_never_asked_for_by_itself(
    payroll: Payroll,
) -> None:
    payroll.save(make_pay_run_detail("run", "slip"), make_lines("slip"), make_leave())
    payroll.doubt_all(NZ)
    assert payroll.todo() == ["pay_run:run"]


def test_what_was_set_aside_is_tried_again(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail("old", "slip", **OLD))
    payroll.set_aside(Resource.PAYSLIP, "slip")
    payroll.doubt_recent(Resource.PAY_RUN)
    assert payroll.todo(Lane.BACKFILL) == ["pay_run:old"]
    payroll.doubt_recent()
    assert "payslip:slip" in payroll.todo(Lane.BACKFILL)


def test_a_list_of_active_employees_says_nothing_of_the_others(payroll: Payroll) -> None:
    payroll.save(make_employee_detail("a"))
    payroll.save(make_employee_detail("b", summary=make_employee("b", status="terminated")))
    payroll.end_scan(Resource.EMPLOYEES)
    assert payroll.todo() == ["employee:a"]


@pytest.mark.parametrize("resource", [Resource.ORGANISATION, Resource.PAYROLL_SETTINGS])
def test_what_is_no_list_shows_nothing_and_misses_nothing(payroll: Payroll, resource: Resource) -> None:
    payroll.save(make_user())
    payroll.scan(resource)
    assert payroll.end_scan(resource) == Changes()
    assert payroll.count(resource) == 0
    assert payroll.there("account_user") == [True]


def test_erasing_forgets_scans_and_begins_the_backfill_anew(payroll: Payroll) -> None:
    payroll.save(make_user("a"))
    payroll.scan(Resource.USERS, make_user("a"))
    payroll.backfilled()
    with payroll.backend.transaction(CLINIC) as stores:
        stores.syncs.save_scan(payroll.connection.id, Scan(resource=Resource.USERS, page=2))
        stores.payroll.erase(payroll.connection.id)
    with payroll.backend.transaction(CLINIC) as stores:
        assert stores.syncs.scans(payroll.connection.id) == {}
        assert stores.syncs.backfilled(payroll.connection.id) is True
    payroll.save(make_user("a"))
    for _ in range(2):
        payroll.end_scan(Resource.USERS, make_user("b"), page=2)
    assert payroll.there("account_user") == [False]


MANY = 25_000
FILL = """
INSERT INTO allie_xero.payslip (connection_id, id, clinic_id, pay_run_id, payment_date)
SELECT :id, n, :clinic, 'run-1', date '2026-01-06' FROM generate_series(1, :many) AS n
"""


def test_no_statement_runs_into_its_timeout_however_large_a_clinic_is(
    postgres_backend: PostgresBackend,
) -> None:
    """A full pass that could never begin would hold up every other."""
    connection = connected(postgres_backend.transaction)
    postgres_backend.execute(FILL, id=connection.id, clinic=CLINIC, many=MANY)
    written: list[int] = []
    with postgres_backend.transaction(CLINIC) as stores:
        assert isinstance(stores, PostgresStores)
        event.listen(stores.session, "after_cursor_execute", lambda *given: written.append(given[1].rowcount))
        stores.payroll.doubt_all(connection.id, AU.details)
        assert stores.payroll.backlog(connection.id).stale[Resource.PAYSLIP] == MANY
        assert stores.payroll.erase(connection.id)["payslip"] == MANY
    assert max(written) < MANY
    assert postgres_backend.payroll("payslip", connection.id) == []
