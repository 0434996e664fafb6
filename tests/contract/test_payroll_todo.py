from datetime import date, timedelta
from decimal import Decimal

import pytest

from contract.payroll import Payroll
from domain.model.budget import Lane
from domain.model.ids import SourceId
from domain.model.payroll import Record
from domain.model.plans import AU
from domain.model.streams import Resource, Stream
from domain.model.sync import Backlog, DetailRequest, Tally
from payroll_builders import (
    make_employee,
    make_employee_detail,
    make_leave,
    make_lines,
    make_pay_run,
    make_pay_run_detail,
    make_timesheet,
    make_timesheet_detail,
    make_totals,
)

OLD = {"payment_date": date(2026, 1, 6), "period_end": date(2026, 1, 4)}
OLDEST = {"payment_date": date(2025, 1, 7), "period_end": date(2025, 1, 5)}


def detail(resource: Resource, name: str) -> DetailRequest:
    return DetailRequest(resource, SourceId(name))


def test_a_listed_row_is_to_be_read_in_full_until_its_detail_came(payroll: Payroll) -> None:
    payroll.save(make_employee(), make_pay_run(), make_timesheet())
    assert payroll.todo() == ["pay_run:run-1", "employee:employee-1", "timesheet:sheet-1"]
    payroll.save(make_employee_detail(), make_timesheet_detail())
    assert payroll.todo() == ["pay_run:run-1"]
    payroll.save(make_pay_run_detail())
    assert payroll.todo() == ["payslip:slip-1"]
    payroll.save(make_lines())
    assert payroll.todo() == []


def test_a_row_is_to_be_read_again_once_its_list_shows_another(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    payroll.save(make_employee())
    assert payroll.todo() == []
    payroll.save(make_employee(last_name="Married"))
    assert payroll.todo() == ["employee:employee-1"]


def test_a_detail_clears_its_row_although_it_says_nothing_new(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    payroll.doubt_all()
    assert payroll.todo() == ["employee:employee-1"]
    payroll.save(make_employee_detail())
    assert payroll.todo() == []


def test_what_comes_in_full_from_its_list_is_not_to_be_read_again(payroll: Payroll) -> None:
    payroll.save(make_leave(), make_timesheet_detail())
    assert payroll.todo() == []


def test_the_newest_pay_run_comes_first_then_people_then_its_payslips(payroll: Payroll) -> None:
    payroll.save(
        make_pay_run("run-old", **OLD),
        make_pay_run("run-new"),
        make_employee("b"),
        make_employee("a"),
        make_timesheet("s-old", period_start=date(2026, 1, 1)),
        make_timesheet("s-new"),
    )
    payroll.save(make_leave("l-old", start_date=date(2026, 1, 1)), make_leave("l-new"))
    payroll.doubt_all()
    payroll.save(
        make_pay_run_detail("run-new", "slip-new"), make_pay_run_detail("run-old", "slip-old", **OLD)
    )
    payroll.doubt_all()
    assert payroll.todo() == [
        "pay_run:run-new",
        "employee:a",
        "employee:b",
        "timesheet:s-new",
        "timesheet:s-old",
        "leave_application:l-new",
        "leave_application:l-old",
        "payslip:slip-new",
    ]


def test_history_is_backfill_newest_first(payroll: Payroll) -> None:
    payroll.save(
        make_pay_run_detail("run-oldest", "slip-oldest", **OLDEST),
        make_pay_run_detail("run-new", "slip-new"),
        make_pay_run_detail("run-old", "slip-old", **OLD),
    )
    payroll.doubt_all()
    assert payroll.todo(Lane.BACKFILL) == [
        "pay_run:run-new",
        "pay_run:run-old",
        "pay_run:run-oldest",
        "payslip:slip-new",
        "payslip:slip-old",
        "payslip:slip-oldest",
    ]


def test_once_it_was_backfilled_what_changes_in_history_is_fresh(payroll: Payroll) -> None:
    payroll.save(
        make_pay_run_detail("run-new", "slip-new"), make_pay_run_detail("run-old", "slip-old", **OLD)
    )
    payroll.save(make_lines("slip-new"), make_lines("slip-old"))
    payroll.backfilled()
    assert payroll.todo() == []
    payroll.save(make_pay_run("run-old", status="draft", **OLD))
    assert payroll.todo() == ["pay_run:run-old"]


def test_every_calendar_has_a_newest_pay_run(payroll: Payroll) -> None:
    other = {"calendar_id": SourceId("calendar-2")}
    payroll.save(
        make_pay_run("run-new"), make_pay_run("run-old", **OLD), make_pay_run("run-other", **OLDEST, **other)
    )
    assert payroll.todo() == ["pay_run:run-new", "pay_run:run-other"]


def test_no_more_is_given_than_asked_for(payroll: Payroll) -> None:
    payroll.save(*(make_employee(f"employee-{number}") for number in range(9)))
    assert payroll.todo(limit=3) == ["employee:employee-0", "employee:employee-1", "employee:employee-2"]


def test_nothing_is_to_be_read_of_a_clinic_that_has_nothing(payroll: Payroll) -> None:
    assert payroll.todo() == payroll.todo(Lane.BACKFILL) == []
    assert payroll.backlog().calls_left(AU) == 0
    assert payroll.backlog().percent(AU) == 100


def test_the_backlog_counts_what_is_there_and_what_is_stale(payroll: Payroll) -> None:
    payroll.save(make_employee(), make_pay_run_detail("run-1", "slip-1", "slip-2"), make_timesheet_detail())
    assert payroll.backlog() == Backlog(
        fresh={
            Resource.EMPLOYEE: 0,
            Resource.PAY_RUN: 1,
            Resource.PAYSLIP: 0,
            Resource.TIMESHEET: 1,
        },
        stale={
            Resource.EMPLOYEE: 1,
            Resource.PAY_RUN: 0,
            Resource.PAYSLIP: 2,
            Resource.TIMESHEET: 0,
        },
        payslips_per_run=Decimal(2),
    )
    payroll.save(make_lines("slip-1"), make_pay_run("run-2"))
    payroll.gone(detail(Resource.EMPLOYEE, "employee-1"))
    assert payroll.backlog().calls_left(AU) == 1 + 1 + 2
    assert payroll.backlog().percent(AU) == 42


def test_what_xero_has_no_more_is_deleted_and_not_asked_for(payroll: Payroll) -> None:
    payroll.save(make_employee("a"), make_employee("b"))
    changes = payroll.gone(detail(Resource.EMPLOYEE, "a"))
    assert changes.tallies == {Stream.EMPLOYEES: Tally(gone=1)}
    assert payroll.there("employee") == [False, True]
    assert payroll.todo() == ["employee:b"]


def test_what_is_gone_already_is_not_counted_twice(payroll: Payroll) -> None:
    payroll.save(make_employee("a"))
    payroll.gone(detail(Resource.EMPLOYEE, "a"))
    assert payroll.gone(detail(Resource.EMPLOYEE, "a")).tallies == {Stream.EMPLOYEES: Tally(gone=0)}
    assert payroll.gone(detail(Resource.EMPLOYEE, "never-was")).tallies == {Stream.EMPLOYEES: Tally(gone=0)}


@pytest.mark.parametrize(
    ("record", "resource", "name", "table"),
    [
        (make_employee(), Resource.EMPLOYEE, "employee-1", "employee"),
        (make_timesheet(), Resource.TIMESHEET, "sheet-1", "timesheet"),
        (make_leave(), Resource.LEAVE_APPLICATION, "leave-1", "leave_application"),
        (make_pay_run_detail(), Resource.PAYSLIP, "slip-1", "payslip"),
    ],
)
def test_any_detail_can_be_gone(
    payroll: Payroll, record: Record, resource: Resource, name: str, table: str
) -> None:
    payroll.save(record)
    changes = payroll.gone(detail(resource, name))
    assert list(changes.tallies.values()) == [Tally(gone=1)]
    assert changes.gone == {SourceId(name)}
    assert changes.employees == {"employee-1"}
    assert payroll.there(table) == [False]


def test_a_pay_run_that_is_gone_takes_its_payslips_with_it(payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail("run-1", "slip-1"), make_pay_run_detail("run-2", "slip-2"))
    changes = payroll.gone(detail(Resource.PAY_RUN, "run-1"))
    assert changes.tallies == {Stream.PAY_RUNS: Tally(gone=1)}
    assert changes.pay_runs == {SourceId("run-1"): date(2026, 11, 17)}
    assert changes.gone == {"run-1", "slip-1"}
    assert changes.employees == {"employee-1"}
    assert payroll.there("pay_run") == payroll.there("payslip") == [False, True]
    assert "payslip:slip-1" not in payroll.todo(Lane.BACKFILL)


def test_a_record_that_was_gone_and_is_listed_again_comes_back(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    payroll.gone(detail(Resource.EMPLOYEE, "employee-1"))
    assert payroll.save(make_employee()).tallies[Stream.EMPLOYEES].changed == 1
    assert payroll.there("employee") == [True]
    assert payroll.todo() == ["employee:employee-1"]


def test_a_detail_that_cannot_be_read_is_not_asked_for_until_it_changes(payroll: Payroll) -> None:
    payroll.save(make_employee())
    payroll.set_aside(Resource.EMPLOYEE, "employee-1")
    assert payroll.todo() == []
    payroll.save(make_employee())
    assert payroll.todo() == []
    payroll.save(make_employee(last_name="Married"))
    assert payroll.todo() == ["employee:employee-1"]
    [row] = payroll.rows("employee")
    assert row.set_aside_at is None


def test_a_set_aside_detail_says_since_when(payroll: Payroll) -> None:
    payroll.save(make_employee())
    payroll.set_aside(Resource.EMPLOYEE, "employee-1")
    [row] = payroll.rows("employee")
    assert row.set_aside_at is not None
    assert not row.stale


def test_how_far_streams_reach_is_told_by_what_is_posted_and_read(payroll: Payroll) -> None:
    assert payroll.known_to() == {}
    payroll.save(make_pay_run("run-old", **OLD), make_pay_run("run-draft", status="draft"), make_timesheet())
    assert payroll.known_to() == {Stream.PAY_RUNS: date(2026, 1, 6), Stream.TIMESHEETS: date(2026, 11, 15)}
    payroll.save(make_pay_run_detail("run-old", "slip-old", **OLD))
    assert Stream.PAYSLIPS not in payroll.known_to()
    payroll.save(make_lines("slip-old"))
    assert payroll.known_to()[Stream.PAYSLIPS] == date(2026, 1, 6)
    payroll.gone(detail(Resource.PAY_RUN, "run-old"))
    assert set(payroll.known_to()) == {Stream.TIMESHEETS}


def test_payslips_reach_no_further_than_they_are_shown(payroll: Payroll) -> None:
    """Those of a run that does not tie out are withheld; those of one that differs may be others."""
    payroll.save(make_pay_run_detail(totals=make_totals(net_pay=Decimal("1429.01"))), make_lines())
    assert Stream.PAYSLIPS not in payroll.known_to()
    payroll.save(make_pay_run_detail())
    assert Stream.PAYSLIPS in payroll.known_to()
    payroll.save(make_pay_run(payment_date=date(2026, 11, 18)))
    assert Stream.PAYSLIPS not in payroll.known_to()


def test_timesheets_of_long_ago_are_backfill(payroll: Payroll) -> None:
    old = {"period_start": date(2025, 11, 3), "period_end": date(2025, 11, 16)}
    payroll.save(make_timesheet("sheet-old", **old), make_timesheet("sheet-new"))
    assert payroll.todo() == ["timesheet:sheet-new"]
    assert payroll.todo(Lane.BACKFILL) == ["timesheet:sheet-new", "timesheet:sheet-old"]
    payroll.backfilled()
    assert payroll.todo() == ["timesheet:sheet-new", "timesheet:sheet-old"]


YEAR = timedelta(days=365)


def long_ago(payroll: Payroll, name: str, days: int, calendar: str = "weekly") -> tuple[Record, ...]:
    """A pay run, its payslip and a timesheet, so many days after the window of a year begins."""
    day = payroll.today() - YEAR + timedelta(days=days)
    dates = {"payment_date": day, "period_end": day}
    run = make_pay_run_detail(f"run-{name}", f"slip-{name}", **dates, calendar_id=SourceId(calendar))
    return run, make_timesheet(f"sheet-{name}", period_start=day, period_end=day)


def test_what_is_older_than_the_window_is_never_read(payroll: Payroll) -> None:
    """Although each is its calendar's newest; people and leave are of no day."""
    payroll.save(*long_ago(payroll, "in", 2), *long_ago(payroll, "out", -2, calendar="monthly"))
    payroll.save(make_employee(), make_leave(start_date=date(2001, 1, 1)))
    payroll.backend.look_back(YEAR)
    payroll.doubt_all()
    past = ["pay_run:run-in", "payslip:slip-in", "timesheet:sheet-in"]
    assert payroll.todo(Lane.BACKFILL) == past
    payroll.gone(detail(Resource.PAYSLIP, "slip-out"))
    fresh = ["employee:employee-1", "leave_application:leave-1", "timesheet:sheet-out"]
    assert sorted(payroll.todo()) == sorted([*past, *fresh])


def test_once_it_was_backfilled_what_is_older_is_left_alone_too(payroll: Payroll) -> None:
    payroll.save(*long_ago(payroll, "in", 2), *long_ago(payroll, "out", -90))
    payroll.backend.look_back(YEAR)
    payroll.doubt_all()
    payroll.backfilled()
    assert payroll.todo() == ["pay_run:run-in", "timesheet:sheet-in", "payslip:slip-in"]


def test_what_is_older_is_no_backlog(payroll: Payroll) -> None:
    payroll.save(*long_ago(payroll, "in", 2), *long_ago(payroll, "out", -2))
    payroll.backend.look_back(YEAR)
    nothing = dict.fromkeys((Resource.EMPLOYEE, Resource.PAY_RUN, Resource.PAYSLIP, Resource.TIMESHEET), 0)
    assert payroll.backlog().fresh == {**nothing, Resource.PAY_RUN: 1}
    assert payroll.backlog().stale == {**nothing, Resource.PAYSLIP: 1, Resource.TIMESHEET: 1}


def test_a_run_may_have_as_many_payslips_as_the_largest_here_or_as_there_is_active_staff(
    payroll: Payroll,
) -> None:
    assert payroll.payslips_a_run() == 0
    left = make_employee_detail("c", summary=make_employee("c", status="terminated"))
    payroll.save(make_employee_detail("a"), left)
    assert payroll.payslips_a_run() == 1
    payroll.save(
        make_pay_run_detail("run-1", "slip-1", "slip-2", "slip-3"), make_pay_run_detail("run-2", "slip-4")
    )
    assert payroll.payslips_a_run() == 3
