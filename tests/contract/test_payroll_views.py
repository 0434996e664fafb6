"""What the views make of saves that are not over: which rows they show as changed, and as whole."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from builders import CLINIC
from contract.backends import PostgresBackend
from contract.given import connected, leased
from contract.payroll import Payroll
from domain.model.payroll import LeavePeriod, PayRunDetail, Record, Totals
from domain.model.streams import Resource
from payroll_builders import (
    make_employee,
    make_employee_detail,
    make_entry,
    make_leave,
    make_line,
    make_lines,
    make_pay_item,
    make_pay_run,
    make_pay_run_detail,
    make_payslip,
    make_timesheet,
    make_timesheet_detail,
    make_totals,
)

DRAFT = (make_pay_run_detail(status="draft"), make_lines())
QUERIES = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text("utf-8").split("```sql\n")
CENT_OFF = make_totals(net_pay=Decimal("1429.01"))


@pytest.fixture
def payroll(postgres_backend: PostgresBackend) -> Payroll:
    connection = connected(postgres_backend.transaction)
    leased(postgres_backend.transaction, connection)
    return Payroll(postgres_backend, connection)


@pytest.fixture
def told(payroll: Payroll, postgres_backend: PostgresBackend) -> "Told":
    return Told(payroll, postgres_backend)


class Told:
    """A reader who asks now and then what has changed since."""

    def __init__(self, payroll: Payroll, backend: PostgresBackend) -> None:
        self._payroll = payroll
        self._backend = backend

    def after(self, view: str, before: tuple[Record, ...], *then: Record) -> int:
        """How many rows of a view a reader is told to have changed since `before` was saved."""
        self._payroll.save(*before)
        [since] = self._backend.ask("SELECT clock_timestamp() AS since")
        self._payroll.save(*then)
        query = f"SELECT 1 FROM allie_xero_read.{view} WHERE changed_at > :since"
        return len(self._backend.ask(query, **since))

    def answers(self, column: str) -> list[Any]:
        """What the query of docs/data-model.md that has this column answers in it."""
        [query] = [one.split("```")[0] for one in QUERIES if f" AS {column}" in one]
        return [row[column] for row in self.ask(query)]

    def ask(self, query: str) -> list[Mapping[str, Any]]:
        return list(self._backend.ask(query.rstrip("\n;"), clinic_id=CLINIC))

    def of(self, view: str, column: str) -> list[object]:
        return [row[column] for row in self._backend.ask(f"SELECT {column} FROM allie_xero_read.{view}")]


def newer(**totals: str) -> PayRunDetail:
    """A pay run of New Zealand or the United Kingdom: it says only what it pays out."""
    amounts = {name: Decimal(amount) for name, amount in totals.items()}
    summary = make_pay_run(totals=Totals(net_pay=Decimal("1429.00")))
    slip = make_payslip(totals=make_totals(**amounts))
    return PayRunDetail(id=summary.id, summary=summary, payslips=(slip,))


@pytest.mark.parametrize("view", ["pay_run", "payslip", "pay_line"])
def test_who_follows_changes_is_told_that_a_draft_was_posted(told: Told, view: str) -> None:
    assert told.after(view, DRAFT, make_pay_run()) == 1


@pytest.mark.parametrize("view", ["pay_run", "payslip", "pay_line"])
def test_who_follows_changes_is_told_of_none_where_there_is_none(told: Told, view: str) -> None:
    assert told.after(view, DRAFT, *DRAFT) == 0


def unread(name: str) -> Record:
    return make_pay_run(name, totals=Totals(net_pay=Decimal("300.00")))


def test_a_period_has_no_earnings_until_those_of_each_of_its_runs_are_known(
    told: Told, payroll: Payroll
) -> None:
    payroll.save(newer(earnings="1729.00"))
    assert told.of("pay_period", "posted_earnings") == [Decimal("1729.00")]
    payroll.save(unread("run-2"))
    assert told.of("pay_period", "posted_pay_runs") == [2]
    assert told.of("pay_period", "posted_earnings") == [None]
    assert told.of("pay_period", "posted_net_pay") == [Decimal("1729.00")]


def test_a_run_whose_payslips_are_withheld_is_not_summed_from_them(told: Told, payroll: Payroll) -> None:
    payroll.save(newer(earnings="1729.00"))
    payroll.save(newer(earnings="1729.00", net_pay="1429.01"))
    assert told.of("pay_run", "ties_out") == [False]
    assert told.of("pay_run", "earnings") == told.of("pay_period", "posted_earnings") == [None]


@pytest.mark.parametrize("view", ["payslip", "pay_line"])
def test_who_follows_changes_is_told_of_rows_that_were_withheld(told: Told, view: str) -> None:
    untied = make_pay_run_detail(totals=CENT_OFF)
    assert told.after(view, (untied, make_lines()), make_pay_run_detail()) == 1


def test_who_follows_pay_runs_is_told_that_one_ties_out(told: Told) -> None:
    whole = make_pay_run_detail()
    assert told.after("pay_run", (replace(whole, payslips=()),), whole) == 1


def test_who_follows_pay_runs_is_told_of_sums_that_moved(told: Told) -> None:
    before = newer(earnings="1729.00", tax="300.00")
    assert told.after("pay_run", (before,), newer(earnings="1739.00", tax="310.00")) == 1
    assert told.of("pay_run", "tax") == [Decimal("310.00")]


def test_who_follows_payslips_is_told_that_the_lines_came(told: Told) -> None:
    assert told.after("payslip", (make_pay_run_detail(),), make_lines()) == 1
    assert told.of("payslip", "has_lines") == [True]


def test_who_follows_payslips_is_told_that_a_line_went(told: Told) -> None:
    both = make_lines("slip-1", make_line(), make_line(1))
    assert told.after("payslip", (make_pay_run_detail(), both), make_lines()) == 1


def test_who_follows_hours_is_told_that_they_were_approved(told: Told) -> None:
    draft = make_timesheet_detail(status="draft", entries=(make_entry(), make_entry(1)))
    assert told.after("timesheet_entry", (draft,), make_timesheet(status="approved")) == 2


def test_who_follows_leave_periods_is_told_that_it_is_of_another_kind(told: Told) -> None:
    other = make_leave(leave_type_id="leave-type-2")
    assert told.after("leave_period", (make_leave(),), other) == 1


def test_a_run_that_was_posted_since_its_payslips_were_read_is_provisional(
    told: Told, payroll: Payroll
) -> None:
    payroll.save(*DRAFT)
    assert told.of("payslip_cost", "is_provisional") == [False]
    payroll.save(make_pay_run(totals=make_totals(earnings=Decimal(1829), net_pay=Decimal(1529))))
    assert told.of("payslip_cost", "pay_run_status") == ["posted"]
    assert told.of("payslip_cost", "is_provisional") == [True]
    payroll.set_aside(Resource.PAY_RUN, "run-1")
    assert told.of("payslip_cost", "is_provisional") == [True]


def test_a_run_that_is_only_read_again_is_not(told: Told, payroll: Payroll) -> None:
    payroll.save(*DRAFT)
    payroll.doubt_newest()
    assert told.of("payslip_cost", "is_provisional") == [False]


def test_a_withheld_run_stays_so_whatever_its_list_says(told: Told, payroll: Payroll) -> None:
    payroll.save(make_pay_run_detail(totals=CENT_OFF), make_lines())
    payroll.save(make_pay_run(status="draft"))
    assert told.of("payslip", "payslip_id") == []


def test_consultations_that_are_paid_by_the_piece_are_not_hours(told: Told, payroll: Payroll) -> None:
    pieces = make_pay_item("item-2", type_of_units="consultations")
    lines = (make_line(units=Decimal(20)), make_line(1, item_id="item-2", units=Decimal(31)))
    payroll.save(make_pay_item(), pieces, make_pay_run_detail(), make_lines("slip-1", *lines))
    assert told.of("payslip_cost", "hours_paid") == [Decimal(20)]


@pytest.mark.parametrize("word", [None, "hours", "hour", "hrs", "hours (std)"])
def test_hours_are_told_by_their_unit_where_there_is_one(
    told: Told, payroll: Payroll, word: str | None
) -> None:
    item = make_pay_item(type_of_units=word)
    payroll.save(item, make_pay_run_detail(), make_lines())
    assert told.of("payslip_cost", "hours_paid") == [Decimal(38)]


def test_leave_that_the_balance_has_counted_already_is_not_coming_any_more(
    told: Told, payroll: Payroll
) -> None:
    today = payroll.today()
    periods = [
        LeavePeriod(
            position=number,
            period_start=today - timedelta(days=7),
            period_end=today + timedelta(days=6),
            units=Decimal(units),
            status=status,
        )
        for number, (units, status) in enumerate([("7.6", "processed"), ("3.8", "scheduled")])
    ]
    payroll.save(make_employee_detail(), make_leave(periods=tuple(periods)))
    assert told.answers("units_planned") == [Decimal("3.8")]


@pytest.mark.parametrize(("held", "planned"), [("weeks", "1"), ("hours", "36"), (None, "36")])
def test_leave_that_is_coming_is_counted_as_the_balance_is(
    told: Told, payroll: Payroll, held: str | None, planned: str
) -> None:
    """New Zealand: a leave of which thirty-six hours are paid, and one week is taken."""
    today = payroll.today()
    period = LeavePeriod(
        position=0,
        period_start=today,
        period_end=today + timedelta(days=6),
        units=Decimal(36),
        status="approved",
        type_of_units="hours",
        units_taken=Decimal(1),
        type_of_units_taken="weeks",
    )
    balance = replace(make_employee_detail().leave_balances[0], type_of_units=held)
    payroll.save(replace(make_employee_detail(), leave_balances=(balance,)), make_leave(periods=(period,)))
    assert told.answers("units_planned") == [Decimal(planned)]


def test_payslips_from_before_somebody_was_hired_anew_have_their_first_terms(
    told: Told, payroll: Payroll
) -> None:
    hired = make_employee(start_date=payroll.today() - timedelta(days=1))
    payroll.save(make_employee_detail(summary=hired), make_pay_run_detail(), make_lines())
    assert told.of("employee_version", "is_first") == [True]
    payroll.save(make_timesheet_detail(status="approved"))
    assert told.answers("hours_worked") == [Decimal("7.60")]
    payroll.save(replace(make_employee_detail(summary=hired), annual_salary=Decimal(99_000)))
    assert sorted(map(str, told.of("employee_version", "is_first"))) == ["False", "True"]
    [query] = [one.split("```")[0] for one in QUERIES if "v.annual_salary" in one]
    [row] = told.ask(query)
    assert row["annual_salary"] == make_employee_detail().annual_salary


def test_hours_that_were_turned_down_were_not_worked(told: Told, payroll: Payroll) -> None:
    sheets = (make_timesheet_detail(status="rejected"), make_timesheet_detail("sheet-2", status="approved"))
    payroll.save(make_employee_detail(), make_pay_run_detail(), make_lines(), *sheets)
    assert told.answers("hours_worked") == [Decimal("7.60")]


def test_hours_stay_with_the_calendar_of_their_time(told: Told, payroll: Payroll) -> None:
    """Who is paid by another calendar since has worked the hours of then."""
    end = payroll.today() - timedelta(days=7)
    days: dict[str, Any] = {"period_start": end - timedelta(days=13), "period_end": end}
    sheet = make_timesheet_detail(entries=(make_entry(day=end),), **days)
    payroll.save(make_employee_detail(), make_pay_run_detail(**days), make_lines(), sheet)
    payroll.save(make_employee_detail(summary=make_employee(calendar_id="calendar-2")))
    payroll.save(make_pay_run("run-2", calendar_id="calendar-2", **days))
    assert told.answers("hours_worked") == [Decimal("7.60")]
