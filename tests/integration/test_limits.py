"""Xero's limits are kept to, whatever they are, and what they hold up goes on by itself."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from deployment.clinic import rows, value
from deployment.passing import Passing
from deployment.processes import until
from deployment.service import ServiceInProcess, in_process
from deployment.truth import differences
from simulator.client import Control, Organisation
from simulator.server import Running, running

STAFF, RUNS = 3, 20
HOUR = timedelta(hours=1)
MINUTE = timedelta(seconds=61)
BUDGET = "SELECT minute_limit, day_limit FROM allie_xero.tenant_budget"
MADE_UP = """
INSERT INTO allie_xero.timesheet
SELECT (jsonb_populate_record(CAST(NULL AS allie_xero.timesheet), to_jsonb(t)
        || jsonb_build_object('id', gen_random_uuid(), 'stale', true))).*
  FROM (SELECT * FROM allie_xero.timesheet ORDER BY period_end DESC LIMIT 1) AS t, generate_series(1, %s)
RETURNING 1
"""
GONE = "SELECT count(*) FROM allie_xero.timesheet WHERE deleted_at IS NOT NULL"
BACKFILLED = "SELECT count(*) FROM allie_xero.outbox WHERE data ->> 'mode' = 'backfill'"
IN_ONE_HOUR = "the date in one hour"


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running() as simulator:
        yield simulator


@pytest.fixture
def control(xero: Running) -> Control:
    xero.control.reset(minute_limit=6_000)
    return xero.control


@pytest.fixture
def service(database_url: str, xero: Running) -> Iterator[ServiceInProcess]:
    with in_process(database_url, xero.url) as service:
        yield service


@pytest.fixture
def time(database_url: str, control: Control) -> Passing:
    return Passing(database_url, control)


def connected(service: ServiceInProcess, control: Control, **options: Any) -> Organisation:
    made = control.create_exact_organisation(staff=STAFF, runs=RUNS, **options)
    service.connect(control, made)
    return made


def refused(control: Control) -> int:
    return len(control.ledger(status=429))


@pytest.mark.parametrize("region", ["AU", "NZ", "UK"])
def test_a_backfill_parks_at_the_days_limit_and_goes_on_by_itself_after_the_reset(
    region: str, service: ServiceInProcess, control: Control, time: Passing, database_url: str
) -> None:
    control.settings(day_limit=60)
    made = connected(service, control, region=region)
    service.work()
    assert service.outcomes[-1] == "parked"
    wait = time.wait()
    assert wait is not None
    assert wait > HOUR
    parked = len(service.outcomes)
    time.pass_time(HOUR)
    service.work()
    assert len(service.outcomes) == parked

    time.settle(service)
    assert refused(control) == 0
    assert value(database_url, BACKFILLED) == 1
    assert differences(control.truth(made.tenant_id), database_url, service.clinic) == []


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("0", timedelta(seconds=1)),
        ("17", timedelta(seconds=17)),
        ("3600", HOUR),
        (IN_ONE_HOUR, HOUR),
        ("soon", timedelta(minutes=1)),
        (None, timedelta(minutes=1)),
        ("-5", timedelta(minutes=1)),
    ],
)
def test_a_429_of_the_minute_is_waited_out_as_xero_says_and_without_a_thread(
    said: str | None, wait: timedelta, service: ServiceInProcess, control: Control, time: Passing
) -> None:
    made = connected(service, control)
    header = format_datetime(datetime.now(UTC) + HOUR, usegmt=True) if said == IN_ONE_HOUR else said
    control.inject("rate_limit", problem="minute", retry_after=header, tenant=made.tenant_id, skip=9, count=1)
    service.work()
    found = time.wait()
    assert found is not None
    assert abs(found - wait) < timedelta(minutes=1 if said == IN_ONE_HOUR else 0, seconds=8)
    time.settle(service)
    assert refused(control) == 1


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("0", timedelta(minutes=5)),
        ("3600", HOUR),
        ("garbage", timedelta(days=1)),
        (None, timedelta(days=1)),
    ],
)
def test_a_429_of_the_day_is_waited_out_until_the_reset(
    said: str | None, wait: timedelta, service: ServiceInProcess, control: Control, time: Passing
) -> None:
    made = connected(service, control)
    control.inject("rate_limit", problem="day", retry_after=said, tenant=made.tenant_id, skip=9, count=1)
    service.work()
    found = time.wait()
    assert found is not None
    assert abs(found - wait) < timedelta(seconds=15)
    time.settle(service)
    assert refused(control) == 1


@pytest.mark.parametrize("problem", ["concurrent", "appminute", "something-new"])
def test_the_other_limits_hold_up_for_no_more_than_a_minute(
    problem: str, service: ServiceInProcess, control: Control, time: Passing
) -> None:
    made = connected(service, control)
    control.inject("rate_limit", problem=problem, retry_after=None, tenant=made.tenant_id, skip=9, count=1)
    service.work()
    found = time.wait()
    assert found is not None
    assert found <= timedelta(minutes=1)
    time.settle(service)
    assert refused(control) == 1


@pytest.mark.parametrize(("minute", "day"), [(60, 1_000), (60, 5_000), (6_000, 100_000)])
def test_tiers_are_found_from_the_headers(
    minute: int, day: int, service: ServiceInProcess, control: Control, database_url: str
) -> None:
    control.settings(minute_limit=minute, day_limit=day)
    connected(service, control)
    service.work()
    [(minute_found, day_found)] = rows(database_url, BUDGET)
    assert minute - 10 <= minute_found <= minute
    assert day - 10 <= day_found <= day


@pytest.mark.parametrize("after", [10, 40])
def test_limits_that_are_halved_without_notice_cost_at_most_one_refusal_a_window(
    after: int, service: ServiceInProcess, control: Control, time: Passing, database_url: str
) -> None:
    """Both limits are cut when about so many calls are made."""
    control.settings(minute_limit=60, day_limit=300, latency=0.01)
    connected(service, control, region="NZ")
    control.clear_ledger()
    with ThreadPoolExecutor(1) as other:
        other.submit(_cut, control, after)
        time.settle(service)
    windows = Counter(row["at"][:16] for row in control.ledger(status=429))
    assert max(windows.values(), default=0) <= 1
    assert value(database_url, BACKFILLED) == 1


def _cut(control: Control, after: int) -> None:
    until(lambda: control.counts()["requests"] >= after, "so many calls")
    control.settings(minute_limit=30, day_limit=150)


def test_calls_for_what_xero_does_not_hold_are_counted_like_others(
    service: ServiceInProcess, control: Control, time: Passing, database_url: str
) -> None:
    control.settings(minute_limit=60)
    connected(service, control, region="NZ")
    time.settle(service)
    rows(database_url, MADE_UP, 150)
    service.publish("sync-requested")
    time.settle(service)
    assert len(control.ledger(status=404)) == value(database_url, GONE) == 150
    assert refused(control) == 0


def test_pay_runs_of_several_pages_are_kept_to_the_limit_too(
    service: ServiceInProcess, control: Control, time: Passing, database_url: str
) -> None:
    """A run of 250 staff is three calls, whatever is left of the minute when it comes up."""
    control.settings(minute_limit=50)
    made = control.create_exact_organisation(staff=250, runs=30, region="NZ", timesheets="none")
    service.connect(control, made)
    control.clear_ledger()
    for _ in range(25):
        service.work()
        time.pass_time(MINUTE)
    assert value(database_url, "SELECT count(*) FROM allie_xero.payslip") == 250 * 30
    assert refused(control) == 0
