"""The payroll engine by itself: sums tie out for any clinic, whatever happens to it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.payroll.changes.make import make_change
from simulator.payroll.changes.registry import CHANGES
from simulator.payroll.clinic import Clinic
from simulator.payroll.generator import ClinicOptions, generate
from simulator.payroll.pay import Totals
from simulator.payroll.periods import PERIODS_PER_YEAR, period_end, periods_before
from simulator.payroll.truth import truth
from simulator.regions.rules import RULES
from simulator.settings import Settings

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
EARNINGS = ("earnings", "leave", "timesheet")

clinics = st.builds(
    lambda region, seed, **options: generate(
        ClinicOptions(region=region, **options), RULES[region], seed, NOW
    ),
    region=st.sampled_from(sorted(RULES)),
    seed=st.integers(0, 10_000),
    staff=st.integers(1, 14),
    terminated=st.integers(0, 3),
    runs=st.integers(0, 5),
    calendars=st.lists(st.sampled_from(sorted(PERIODS_PER_YEAR)), min_size=1, max_size=3).map(tuple),
    timesheets=st.sampled_from(["none", "some", "all"]),
    drafts=st.booleans(),
    leave=st.booleans(),
)


def check(clinic: Clinic) -> None:
    for run in clinic.runs.values():
        slips = clinic.payslips(run)
        assert clinic.totals(run) == Totals.of(slips)
        for slip in slips:
            earned = sum((line.amount or 0 for line in slip.section(*EARNINGS)), Decimal(0))
            assert slip.totals.earnings == earned
            taken = slip.totals.deductions + slip.totals.employee_tax + slip.totals.statutory
            assert slip.totals.net == earned - taken - slip.totals.employee_pension
            for line in slip.lines:
                assert line.amount is None or line.amount == line.amount.quantize(Decimal("0.01"))
            assert clinic.run_of(slip.id) is run


@given(clinic=clinics)
@settings(max_examples=40, deadline=None)
def test_every_run_is_the_sum_of_its_payslips_and_every_payslip_of_its_lines(clinic: Clinic) -> None:
    check(clinic)


@given(clinic=clinics, seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_sums_tie_out_after_any_changes(clinic: Clinic, seeds: list[int]) -> None:
    now = NOW
    for seed in seeds:
        now += timedelta(seconds=5)
        before = clinic.version
        make_change(clinic, "random", {"seed": seed}, now, Settings())
        assert clinic.version == before + 1
    check(clinic)


@given(clinic=clinics)
@settings(max_examples=20, deadline=None)
def test_stamps_are_never_in_the_future(clinic: Clinic) -> None:
    stamped: list[Any] = [
        *clinic.employees.values(),
        *clinic.runs.values(),
        *clinic.timesheets.values(),
        *clinic.leave.values(),
        *clinic.calendars.values(),
    ]
    assert all(value.updated_at <= NOW for value in stamped)
    assert all(value.updated_at.microsecond == 0 for value in stamped)


@pytest.mark.parametrize("frequency", sorted(PERIODS_PER_YEAR))
def test_periods_follow_each_other_without_gaps(frequency: str) -> None:
    periods = periods_before(frequency, NOW.date(), 60)
    for (start, end), (following, _) in pairwise(periods):
        assert end == period_end(frequency, start)
        assert following == end + timedelta(1)
    assert periods[-1][1] < NOW.date()


@pytest.mark.parametrize("region", sorted(RULES))
def test_a_clinic_of_some_size_shows_all_of_life(region: str) -> None:
    options = ClinicOptions(region=region, staff=30, terminated=4, runs=40, calendars=("weekly", "monthly"))  # type: ignore[arg-type]
    clinic = generate(options, RULES[region], 7, NOW)
    lines = [line for run in clinic.runs.values() for slip in clinic.payslips(run) for line in slip.lines]
    kinds = {(line.section, line.kind) for line in lines}
    assert {
        ("earnings", "ordinary"),
        ("earnings", "overtime"),
        ("earnings", "allowance"),
        ("timesheet", "ordinary"),
        ("deduction", "union"),
        ("reimbursement", "travel"),
        ("accrual", "annual_leave"),
        ("leave", "annual_leave"),
        ("pension", "employer"),
    } <= kinds
    assert any((line.amount or 0) < 0 for line in lines)
    expected = {
        "AU": {("employee_tax", "payg"), ("pension", "salary_sacrifice"), ("pension", "employee")},
        "NZ": {("statutory", "kiwisaver"), ("statutory", "student_loan"), ("employer_tax", "esct")},
        "UK": {("employee_tax", "employee_ni"), ("employer_tax", "employer_ni"), ("deduction", "pension")},
    }
    assert expected[region] <= kinds
    assert {run.type for run in clinic.runs.values()} == {"scheduled", "unscheduled"}
    assert {run.status for run in clinic.runs.values()} == {"draft", "posted"}
    assert {sheet.status for sheet in clinic.timesheets.values()} >= {"draft", "approved", "processed"}
    assert any(not name.isascii() for name in (e.first_name for e in clinic.employees.values()))
    assert any(not item.current for item in clinic.catalogue.items.values())


def test_the_same_seed_gives_the_same_clinic_and_another_seed_another() -> None:
    one, two, other = (generate(ClinicOptions(), RULES["AU"], seed, NOW) for seed in (1, 1, 2))
    assert truth(one) == truth(two)
    assert truth(one) != truth(other)


@pytest.mark.parametrize("kind", sorted(set(CHANGES) - {"earlier_year_update"}))
def test_every_kind_of_change_is_possible_sometime(kind: str) -> None:
    clinic = generate(ClinicOptions(), RULES["AU"], 3, NOW)
    make_change(clinic, "add_user", {}, NOW, Settings())
    if kind in {"new_draft_run", "new_posted_run", "revert_posted_run"}:
        make_change(clinic, "post_draft_run", {}, NOW, Settings())
    done = make_change(clinic, kind, {"seed": 1}, NOW, Settings())
    assert done["kind"] == kind
    check(clinic)


def test_a_big_clinic_is_made_without_calculating_its_payslips() -> None:
    options = ClinicOptions(staff=500, terminated=0, runs=40, timesheets="none", leave=False, turnover=False)
    clinic = generate(options, RULES["AU"], 1, NOW)
    runs = [run for run in clinic.runs.values() if run.type == "scheduled"]
    assert sum(len(run.entries) for run in runs) == 500 * 41
    assert all(run.totals is None for run in runs)
