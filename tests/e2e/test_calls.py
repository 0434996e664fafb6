"""The fewest calls that the API allows, counted at Xero's side."""

from collections import Counter
from datetime import timedelta

from deployment.clinic import CLINIC, connect, is_backfilled, rows
from deployment.passing import Passing
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import NIGHTLY, differences
from simulator.client import Control

STAFF, RUNS = 12, 26
TIMESHEET_PAGES = -(-STAFF * RUNS // 100)

FIRST = {
    "Organisation": 2,
    "Users": 1,
    "Settings": 1,
    "PayItems": 1,
    "PayrollCalendars": 1,
    "Employees": 2 + STAFF,
    "PayRuns": 1 + RUNS,
    "Payslip": STAFF * RUNS,
    "Timesheets": TIMESHEET_PAGES,
    "LeaveApplications": 1,
}
"""
One look at every list, active and terminated staff apart, and one at every detail: no less will do.

The organisation is asked for to connect, and with the first lists, which do not say whose they are.
"""

NOBODY_ELSE = """
UPDATE allie_xero.sync_state
   SET changes_at = now() + interval '3 days', reconcile_at = now() + interval '3 days'
RETURNING 1
"""
"""For three days nothing is looked at without being asked."""

DAILY = ("pay_calendar",)
"""What a sync of changes looks at once a day: a calendar's next period moves with every run."""


def gets(control: Control) -> Counter[str]:
    paths = (row["path"].split("/") for row in control.ledger(method="GET", limit=2_000))
    return Counter(path[3] for path in paths if path[1] in ("api.xro", "payroll.xro"))


def asked(platform: Platform, name: str) -> None:
    platform.publish("sync-requested", {"clinic_id": CLINIC, "requested_by": name})
    until(lambda: platform.events("sync-finished", requested_by=name), "the sync")


def test_a_sync_makes_the_fewest_calls_that_xero_allows(
    service: Deployment, main_platform: Platform, control: Control, database_url: str
) -> None:
    organisation = control.create_exact_organisation(staff=STAFF, runs=RUNS)
    service.start_dispatcher()
    service.start_worker()
    connect(control, main_platform, organisation)
    until(lambda: is_backfilled(main_platform), "the backfill")
    assert gets(control) == FIRST
    assert calls_until_totals(control) <= 10

    control.clear_ledger()
    asked(main_platform, "unchanged")
    assert sum(gets(control).values()) <= 6
    assert control.counts()["bytes_sent"] < 10_000

    control.change(organisation.tenant_id, "new_posted_run")
    control.clear_ledger()
    asked(main_platform, "one new run")
    assert gets(control)["PayRuns"] == 2
    assert gets(control)["Payslip"] == STAFF
    truth = control.truth(organisation.tenant_id)
    assert differences(truth, database_url, CLINIC, but=DAILY + NIGHTLY) == []

    rows(database_url, NOBODY_ELSE)
    Passing(database_url, control).pass_time(timedelta(hours=21))
    control.clear_ledger()
    asked(main_platform, "daily")
    assert set(gets(control)) >= {"Organisation", "Users", "PayItems", "PayrollCalendars", "Employees"}
    assert sum(gets(control).values()) <= 10
    assert differences(truth, database_url, CLINIC, but=NIGHTLY) == []


def calls_until_totals(control: Control) -> int:
    """How many calls it took from the pay runs' list to the newest run's totals."""
    paths = [row["path"] for row in control.ledger(method="GET", limit=2_000)]
    listed = next(number for number, path in enumerate(paths) if path.endswith("/PayRuns"))
    return 1 + next(number for number, path in enumerate(paths[listed:]) if "/PayRuns/" in path)
