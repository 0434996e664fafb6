"""A pay run whose payslips do not sum to its totals is flagged, said to an operator, and withheld."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deployment.clinic import rows, value
from deployment.passing import Passing
from deployment.service import ServiceInProcess, in_process
from deployment.truth import differences
from simulator.server import Running, running

RUNS = "SELECT pay_run_id, ties_out FROM allie_xero_read.pay_run ORDER BY payment_date DESC"
KNOWN_TO = "SELECT known_to FROM allie_xero_read.freshness WHERE stream = 'payslips'"
SHOWN_TO = "SELECT max(payment_date) FROM allie_xero_read.pay_line WHERE pay_run_status = 'posted'"
OPEN = """
SELECT error, subject FROM allie_xero.failure
 WHERE place = 'sync' AND state IN ('retrying', 'quarantined', 'failed')
"""
TOTALS = {"AU": "NetPay", "NZ": "totalPay", "UK": "totalPay"}
WITHHELD = ("payslip", "payslip_cost", "pay_line")


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


@pytest.fixture
def service(database_url: str, xero: Running) -> Iterator[ServiceInProcess]:
    with in_process(database_url, xero.url) as service:
        yield service


@pytest.mark.parametrize("region", TOTALS)
def test_an_untied_run_is_flagged_and_withheld_until_it_ties(
    region: str, service: ServiceInProcess, xero: Running, database_url: str
) -> None:
    made = xero.control.create_exact_organisation(region=region, staff=3, runs=3, timesheets="none")
    truth = xero.control.truth(made.tenant_id)
    newest = max(truth["pay_runs"], key=lambda run: run["payment_date"])["id"]
    cent_off = {"kind": "unknown_enum", "field": TOTALS[region], "value": "1.01", "tenant": made.tenant_id}
    for path in ("/payroll.xro/*/PayRuns", f"/payroll.xro/*/PayRuns/{newest}"):
        xero.control.inject(**cent_off, path=path)
    service.connect(xero.control, made)
    service.work()

    ties = dict(rows(database_url, RUNS))
    assert [one for one, is_tied in ties.items() if not is_tied] == [newest]
    assert ("PayRunDoesNotTie", f"pay_run:{newest}:PayRunDoesNotTie") in rows(database_url, OPEN)
    for view in WITHHELD:
        shown = f"SELECT count(DISTINCT pay_run_id) FROM allie_xero_read.{view}"
        assert value(database_url, shown) == 2
        assert value(database_url, f"{shown} WHERE pay_run_id = %s", newest) == 0
    assert value(database_url, KNOWN_TO) == value(database_url, SHOWN_TO)

    xero.control.clear_faults()
    Passing(database_url, xero.control).pass_time(timedelta(hours=1))
    service.publish("sync-requested", mode="reconcile")
    service.work()
    assert all(is_tied for _, is_tied in rows(database_url, RUNS))
    assert differences(truth, database_url, service.clinic) == []
    assert rows(database_url, OPEN) == []
