"""(a) Calls and bytes at Xero's side, and whether an edit was found: this service, an SDK loop, dlt."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from benchmarks.environments import python_with
from benchmarks.parts import Bench
from benchmarks.report import Claim, Result
from deployment.clinic import rows
from deployment.service import in_process
from simulator.client import Organisation
from simulator.server import Running

PEERS = Path(__file__).with_name("peers")
SERVICE, LOOP, DLT = "this service", "xero-python loop", "dlt rest_api"
FIRST, UNCHANGED, NEW, EDITED = SITUATIONS = (
    "first sync",
    "nothing changed",
    "one new posted run",
    "one edited old payslip",
)

Read = Callable[[], dict[str, Decimal]]
"""Brings the copy up to date and gives every payslip's net pay."""

NET_PAY = "SELECT payslip_id, net_pay FROM allie_xero_read.payslip WHERE net_pay IS NOT NULL"


def run(bench: Bench) -> Result:
    """The same four situations for each, on the same clinic."""
    staff, runs = (3, 2) if bench.quick else (12, 26)
    result = Result(
        name="a-calls",
        title="calls and bytes",
        columns=["situation", "way", "GETs", "bytes", "all net pay right"],
    )
    for way, reader in ((SERVICE, _service), (LOOP, _loop), (DLT, _dlt)):
        with bench.xero(seed=7) as xero:  # the same clinic, to the id, for each
            organisation = xero.control.create_exact_organisation(staff=staff, runs=runs)
            with reader(bench, xero, organisation) as read:
                for situation in _situations(xero, organisation):
                    xero.control.clear_ledger()
                    found = read()
                    gets, sent = _counted(xero)
                    right = found == _truth(xero, organisation)
                    result.rows.append([situation, way, gets, sent, "yes" if right else "NO"])
    result.rows = [row for situation in SITUATIONS for row in result.rows if row[0] == situation]
    mine = {row[0]: row for row in result.rows if row[1] == SERVICE}
    unchanged, new = mine[UNCHANGED], mine[NEW]
    result.claims = [
        Claim("GETs of an unchanged sync", unchanged[2], 6),
        Claim("bytes of an unchanged sync", unchanged[3], 10_000),
        Claim("GETs for one new run: the lists, 1 and its payslips", new[2], unchanged[2] + 1 + staff),
        Claim("situations in which all net pay is right", sum(r[4] == "yes" for r in mine.values()), 4, True),
    ]
    result.notes = [
        (
            f"An Australian clinic: {staff} staff, {runs} fortnightly pay runs, {staff * runs} timesheets. "
            "Bytes are those of the answers on the wire, heads included; this service and dlt ask for gzip, "
            "xero-python does not."
        ),
        (
            "All read the organisation, users, payroll settings, pay items, calendars, staff with their "
            "details, pay runs, payslips with their lines, timesheets and leave."
        ),
    ]
    return result


def _situations(xero: Running, organisation: Organisation) -> Iterator[str]:
    """Each is brought about when it is asked for."""
    yield FIRST
    yield UNCHANGED
    xero.control.change(organisation.tenant_id, "new_posted_run")
    yield NEW
    runs = xero.control.truth(organisation.tenant_id, ["pay_runs"])["pay_runs"]
    oldest = min(runs, key=lambda run: run["period_end"])
    xero.control.change(
        organisation.tenant_id, "edit_posted_payslip", id=oldest["payslips"][0]["id"], amount="12.34"
    )
    yield EDITED


def _counted(xero: Running) -> tuple[int, int]:
    counts = xero.control.counts(method="GET", path="*.xro/*")
    return sum(counts["by"].values()), int(counts["bytes_sent"])


def _truth(xero: Running, organisation: Organisation) -> dict[str, Decimal]:
    runs = xero.control.truth(organisation.tenant_id, ["pay_runs"])["pay_runs"]
    return {slip["id"]: Decimal(str(slip["totals"]["net"])) for run in runs for slip in run["payslips"]}


@contextmanager
def _service(bench: Bench, xero: Running, organisation: Organisation) -> Iterator[Read]:
    with bench.database() as database, in_process(database, xero.url) as service:
        service.connect(xero.control, organisation)
        is_first = True

        def read() -> dict[str, Decimal]:
            nonlocal is_first
            if not is_first:
                service.publish("sync-requested")
            is_first = False
            service.work()
            return {row[0]: row[1] for row in rows(database, NET_PAY)}

        yield read


@contextmanager
def _loop(bench: Bench, xero: Running, organisation: Organisation) -> Iterator[Read]:
    python = python_with("xero-python", "xero-python>=15.2,<16")
    yield _peer(bench, xero, organisation, python, "sdk_loop.py")


@contextmanager
def _dlt(bench: Bench, xero: Running, organisation: Organisation) -> Iterator[Read]:
    python = python_with("dlt", "dlt[duckdb]>=1.31,<2")
    yield _peer(bench, xero, organisation, python, "dlt_source.py")


def _peer(bench: Bench, xero: Running, organisation: Organisation, python: Path, program: str) -> Read:
    folder = bench.new_folder()
    token = xero.control.token_set(organisation)["access_token"]
    command = [str(python), str(PEERS / program), xero.url, organisation.tenant_id, token, str(folder)]

    def read() -> dict[str, Decimal]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        return {one: Decimal(str(net_pay)) for one, net_pay in found.items()}

    return read
