"""What saves mean for the past: versions of employment, what ties out, what was corrected after posting."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from contract.payroll import Payroll
from domain.model.ids import SourceId
from domain.model.payroll import EmployeeDetail, PayRunDetail, Totals
from domain.model.streams import Resource, Stream
from domain.model.sync import DetailRequest
from fakes.payroll_rows import Row
from payroll_builders import (
    make_employee,
    make_employee_detail,
    make_lines,
    make_pay_run,
    make_payslip,
    make_totals,
)

RUN, SLIP = SourceId("run-1"), SourceId("slip-1")


def run(status: str = "posted", tax: str = "300.00", totals: Totals | None = None) -> PayRunDetail:
    """A pay run with one payslip."""
    payslip = make_payslip(totals=make_totals(tax=Decimal(tax)))
    summary = make_pay_run(status=status, totals=totals or payslip.totals)
    return PayRunDetail(id=RUN, summary=summary, payslips=(payslip,))


def corrections(payroll: Payroll) -> list[tuple[str, Decimal | None, Decimal | None]]:
    rows = [row.values for row in payroll.rows("correction")]
    return sorted((row["field"], row["old_amount"], row["new_amount"]) for row in rows)


def save_in_turn(payroll: Payroll, *records: EmployeeDetail) -> list[Row]:
    """Save them one after the other, and give the versions."""
    for record in records:
        payroll.save(record)
        payroll.backend.pass_time(timedelta(hours=1))
    return payroll.rows("employee_version")


def test_terms_of_employment_hold_until_they_change(payroll: Payroll) -> None:
    promoted = make_employee_detail(annual_salary=Decimal(99000))
    versions = save_in_turn(payroll, make_employee_detail(), promoted)
    salaries = {row.values["annual_salary"]: row.values["valid_to"] is None for row in versions}
    assert salaries == {Decimal(90000): False, Decimal(99000): True}


def test_the_first_version_holds_since_the_start_of_employment(payroll: Payroll) -> None:
    payroll.save(make_employee_detail())
    [version] = payroll.rows("employee_version")
    assert str(version.values["valid_from"]).startswith("2024-01-08")


def test_a_name_is_not_a_term_of_employment(payroll: Payroll) -> None:
    renamed = make_employee_detail(summary=make_employee(first_name="Renamed"))
    assert len(save_in_turn(payroll, make_employee_detail(), renamed)) == 1


def test_terms_that_change_before_the_employment_begins_end_no_earlier_than_they_began(
    payroll: Payroll,
) -> None:
    soon = make_employee(start_date=payroll.today() + timedelta(days=30))
    hired = make_employee_detail(summary=soon)
    versions = save_in_turn(payroll, hired, replace(hired, annual_salary=Decimal(99000)))
    spans = [(row.values["valid_from"], row.values["valid_to"]) for row in versions]
    assert len(spans) == 2
    assert all(end is None or begin <= end for begin, end in spans)


def test_a_rehire_begins_a_version_beside_the_one_that_ended(payroll: Payroll) -> None:
    terminated = make_employee_detail(summary=make_employee(status="terminated"))
    versions = save_in_turn(payroll, make_employee_detail(), terminated, make_employee_detail())
    assert sorted(row.values["status"] for row in versions) == ["active", "active", "terminated"]


def test_a_pay_run_that_equals_its_payslips_ties_out(payroll: Payroll) -> None:
    assert payroll.save(run()).ties == {RUN: True}
    assert payroll.save(run()).ties == {}


@pytest.mark.parametrize("field", ["earnings", "tax", "net_pay"])
def test_a_cent_is_enough_not_to(payroll: Payroll, field: str) -> None:
    totals = make_totals()
    cent_more = make_totals(**{field: getattr(totals, field) + Decimal("0.01")})
    assert payroll.save(run(totals=cent_more)).ties == {RUN: False}
    assert payroll.save(run()).ties == {RUN: True}


def test_that_a_run_is_compared_again_is_a_change_of_it(payroll: Payroll) -> None:
    """From its listing on its payslips were provisional: who was told of that is told that they are not."""
    payroll.save(run("draft"))
    posted = run()
    assert posted.summary is not None
    payroll.save(posted.summary)
    changes = payroll.save(posted)
    assert list(changes.pay_runs) == [RUN]
    assert changes.tallies[Stream.PAY_RUNS].changed == 1
    assert payroll.save(posted).pay_runs == {}


def test_totals_that_the_run_does_not_say_are_not_held_against_it(payroll: Payroll) -> None:
    assert payroll.save(run(totals=Totals(net_pay=Decimal("1429.00")))).ties == {RUN: True}


def test_a_payslip_that_is_gone_counts_no_more(payroll: Payroll) -> None:
    payroll.save(run())
    without = PayRunDetail(id=RUN, summary=run().summary, payslips=())
    assert payroll.save(without).ties == {RUN: False}


def test_a_draft_that_changes_is_no_correction(payroll: Payroll) -> None:
    payroll.save(run("draft"))
    payroll.save(run("draft", tax="310.00"))
    payroll.save(run("posted", tax="320.00"))
    assert corrections(payroll) == []


def test_a_posted_amount_that_changes_is(payroll: Payroll) -> None:
    payroll.save(run())
    payroll.save(run(tax="301.00"))
    assert corrections(payroll) == [("tax", Decimal("300.00"), Decimal("301.00"))]


def test_a_run_that_is_reverted_edited_and_posted_again_is_corrected_once(payroll: Payroll) -> None:
    payroll.save(run())
    payroll.save(run("draft"))
    payroll.save(run("draft", tax="999.00"))
    payroll.save(run("posted", tax="301.00"))
    assert corrections(payroll) == [("tax", Decimal("300.00"), Decimal("301.00"))]


def test_a_run_that_is_posted_again_unchanged_is_not_corrected(payroll: Payroll) -> None:
    payroll.save(run())
    payroll.save(run("draft"))
    payroll.save(run())
    assert corrections(payroll) == []


def test_a_posted_run_that_vanishes_takes_every_amount_back(payroll: Payroll) -> None:
    payroll.save(run())
    payroll.gone(DetailRequest(Resource.PAY_RUN, RUN))
    assert corrections(payroll) == [
        ("earnings", Decimal("1729.00"), None),
        ("net_pay", Decimal("1429.00"), None),
        ("tax", Decimal("300.00"), None),
    ]


def test_a_payslip_that_xero_has_no_more_is_missing_in_its_run(payroll: Payroll) -> None:
    payroll.save(run())
    changes = payroll.gone(DetailRequest(Resource.PAYSLIP, SLIP))
    assert changes.ties == {RUN: False}
    assert list(changes.pay_runs) == [RUN]
    assert corrections(payroll) == []
    assert payroll.save(run()).ties == {RUN: True}


def test_a_payslip_that_its_run_has_no_more_takes_its_amounts_back_once_the_run_is_read(
    payroll: Payroll,
) -> None:
    payroll.save(run())
    payroll.gone(DetailRequest(Resource.PAYSLIP, SLIP))
    nothing = make_totals(**dict.fromkeys(("earnings", "tax", "net_pay"), Decimal()))
    without = replace(run(totals=nothing), payslips=())
    assert payroll.save(without).ties == {RUN: True}
    assert [field for field, _, new in corrections(payroll) if new is None] == ["earnings", "net_pay", "tax"]


def test_payslips_that_came_before_their_reverted_run_did_are_no_corrections(payroll: Payroll) -> None:
    """New Zealand's payslips do not say that they are a draft's by now."""
    payroll.save(run())
    edited = run("draft", tax="999.00")
    assert payroll.save(replace(edited, summary=None)).ties == {RUN: False}
    payroll.save(edited)
    payroll.save(run())
    assert corrections(payroll) == []


def test_a_payslip_that_was_missed_between_two_pages_is_no_correction(payroll: Payroll) -> None:
    payroll.save(run())
    assert payroll.save(replace(run(), summary=None, payslips=())).ties == {RUN: False}
    payroll.save(run())
    assert corrections(payroll) == []


def test_what_is_finer_than_a_cent_does_not_keep_a_run_from_tying_out(payroll: Payroll) -> None:
    totals = make_totals()
    assert totals.net_pay is not None
    assert payroll.save(run(totals=make_totals(net_pay=totals.net_pay + Decimal("0.0000001")))).ties == {
        RUN: True
    }


def test_a_run_that_is_gone_ties_out_no_more_and_no_less(payroll: Payroll) -> None:
    payroll.save(run())
    assert payroll.gone(DetailRequest(Resource.PAY_RUN, RUN)).ties == {}
    assert payroll.gone(DetailRequest(Resource.PAYSLIP, SLIP)).ties == {}


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_run_that_comes_back_is_compared_anew(payroll: Payroll, is_tied: bool) -> None:
    """What is told of it was settled when it was gone; until it is read its payslips are not here."""
    whole = run()
    whole = whole if is_tied else replace(whole, payslips=())
    payroll.save(whole)
    payroll.gone(DetailRequest(Resource.PAY_RUN, RUN))
    assert whole.summary is not None
    payroll.save(whole.summary)
    [row] = payroll.rows("pay_run")
    assert row.values["ties_out"] is None
    assert payroll.save(whole).ties == {RUN: is_tied}


def test_lines_are_no_amounts_of_their_own(payroll: Payroll) -> None:
    payroll.save(run(), make_lines("slip-1"))
    payroll.save(make_lines("slip-1"))
    assert corrections(payroll) == []
