"""Words of Xero's that we know raise no alarm, whatever the country; a new one does."""

import pytest
from structlog.testing import capture_logs

from adapters.xero.vocabulary import KNOWN, unknown_in
from deployment.clinic import rows
from deployment.service import in_process
from domain.model.payroll import EmployeeSummary, PayCalendar, PayItem, PayRunSummary, TimesheetSummary
from payroll_builders import make_pay_run
from simulator.server import running

COLUMNS = {
    "employee.status": KNOWN[EmployeeSummary]["status"],
    "pay_run.status": KNOWN[PayRunSummary]["status"],
    "pay_run.run_type": KNOWN[PayRunSummary]["run_type"],
    "timesheet.status": KNOWN[TimesheetSummary]["status"],
    "pay_calendar.calendar_type": KNOWN[PayCalendar]["calendar_type"],
    "pay_item.rate_type": KNOWN[PayItem]["rate_type"],
}


@pytest.mark.parametrize("region", ["AU", "NZ", "UK"])
def test_a_clinic_like_any_other_uses_known_words_alone(region: str, database_url: str) -> None:
    with running(limits=False) as xero, in_process(database_url, xero.url) as service:
        service.connect(
            xero.control, xero.control.create_organisation(region=region, staff=6, runs=4, seed=5)
        )
        service.work()
    for column, known in COLUMNS.items():
        table, name = column.split(".")
        used = {word for (word,) in rows(database_url, f"SELECT DISTINCT {name} FROM allie_xero.{table}")}
        assert used - {None} <= known, column


def test_a_new_word_is_told_by_its_place() -> None:
    assert unknown_in([make_pay_run()]) == ()
    assert unknown_in([make_pay_run(status="brandnew")]) == ("PayRunSummary.status",)


def test_the_log_tells_the_place_and_never_the_word(database_url: str) -> None:
    with (
        running(limits=False) as xero,
        in_process(database_url, xero.url) as service,
        capture_logs() as said,
    ):
        organisation = xero.control.create_exact_organisation(staff=1, runs=1)
        xero.control.inject("unknown_enum", path="*/PayRuns*")
        service.connect(xero.control, organisation)
        service.work()
    assert {line["code"] for line in said if line["event"] == "unknown value"} == {"PayRunSummary.status"}
    assert "brandnew" not in str(said).lower()
