from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, make_lease, make_reply, make_sync
from domain.model.connection import Region
from domain.model.ids import SourceId, SyncId
from domain.model.plans import AU, PLANS
from domain.model.streams import DAILY, WEEKLY, ListSpec, Plan, Resource, Stream
from domain.model.sync import (
    MAX_PAGES,
    OVERLAP,
    Backlog,
    Changes,
    ListRequest,
    Mode,
    Scan,
    Tally,
)

HOUR = timedelta(hours=1)
EMPLOYEES = ListSpec(resource=Resource.EMPLOYEES, stream=Stream.EMPLOYEES, since=True)
SETTINGS = ListSpec(resource=Resource.PAYROLL_SETTINGS, stream=Stream.SETTINGS, rest=WEEKLY)
FRESH = Scan(resource=Resource.EMPLOYEES)
READ = Scan(resource=Resource.EMPLOYEES, watermark=NOW, finished_at=NOW, attempted_at=NOW)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Mode.CHANGES, Mode.CHANGES, Mode.CHANGES),
        (Mode.CHANGES, Mode.RECONCILE, Mode.RECONCILE),
        (Mode.FULL, Mode.RECONCILE, Mode.FULL),
        (Mode.CHANGES, Mode.FULL, Mode.FULL),
    ],
)
def test_the_mode_that_covers_both_is_taken(one: Mode, other: Mode, both: Mode) -> None:
    assert one.merged(other) is other.merged(one) is both


def test_a_list_that_was_never_read_is_read_from_the_beginning() -> None:
    scan = FRESH.begun(make_sync(), EMPLOYEES, NOW)
    assert scan.is_under_way
    assert scan.is_full
    assert scan.request() == ListRequest(Resource.EMPLOYEES, 1, None)


def test_a_look_for_changes_asks_for_a_little_more_than_what_changed_since() -> None:
    scan = READ.begun(make_sync(), EMPLOYEES, NOW)
    assert scan.request() == ListRequest(Resource.EMPLOYEES, 1, NOW - OVERLAP)
    assert not scan.is_full


@pytest.mark.parametrize("mode", [Mode.RECONCILE, Mode.FULL])
def test_any_other_pass_asks_for_everything(mode: Mode) -> None:
    assert READ.begun(make_sync(mode=mode), EMPLOYEES, NOW).is_full


def test_a_list_that_cannot_be_asked_for_changes_is_read_whole() -> None:
    assert READ.begun(make_sync(), SETTINGS, NOW).is_full


def test_a_scan_under_way_goes_on_where_it_was() -> None:
    sync = make_sync()
    scan = FRESH.begun(sync, EMPLOYEES, NOW).advanced(make_reply(more=True), NOW)
    assert scan.begun(sync, EMPLOYEES, NOW) == scan
    assert scan.request().page == 2


def test_a_scan_of_an_earlier_pass_begins_anew() -> None:
    scan = FRESH.begun(make_sync(id=SyncId(1)), EMPLOYEES, NOW).advanced(make_reply(more=True), NOW)
    anew = scan.begun(make_sync(id=SyncId(2)), EMPLOYEES, NOW)
    assert (anew.request().page, anew.mark) == (1, None)


def test_the_watermark_is_xeros_clock_when_the_scan_began() -> None:
    first = FRESH.begun(make_sync(), EMPLOYEES, NOW).advanced(make_reply(more=True, at=NOW), NOW + HOUR)
    assert (first.watermark, first.finished_at, first.page) == (None, None, 2)
    last = first.advanced(make_reply(at=NOW + HOUR), NOW + 2 * HOUR)
    assert last.watermark == NOW
    assert (last.is_under_way, last.page, last.mark, last.fault) == (False, 1, None, None)


def test_a_list_is_as_current_as_when_its_first_page_was_asked_for() -> None:
    sync = make_sync()
    first = FRESH.begun(sync, EMPLOYEES, NOW).advanced(make_reply(more=True), NOW + HOUR)
    last = first.begun(sync, EMPLOYEES, NOW + 2 * HOUR).advanced(make_reply(), NOW + 3 * HOUR)
    assert (last.finished_at, last.attempted_at, last.begun_at) == (NOW, NOW, None)
    later = make_sync(id=SyncId(2), requested_at=NOW + HOUR)
    assert later.wants(EMPLOYEES, last)


def test_a_pass_that_was_asked_for_while_its_transaction_began_reads_a_list_once() -> None:
    sync = make_sync(requested_at=NOW + HOUR)
    assert not sync.wants(EMPLOYEES, FRESH.begun(sync, EMPLOYEES, NOW).advanced(make_reply(), NOW))


def test_a_list_without_end_is_ended() -> None:
    scan = Scan(resource=Resource.EMPLOYEES, sync_id=SyncId(1), page=MAX_PAGES)
    assert not scan.advanced(make_reply(more=True), NOW).is_under_way


def test_a_list_that_gives_the_same_page_again_is_ended() -> None:
    scan = FRESH.begun(make_sync(), EMPLOYEES, NOW).advanced(make_reply(more=True, head="a"), NOW)
    same = make_reply(more=True, head="a")
    assert scan.loops(same)
    assert not scan.advanced(same, NOW).is_under_way
    assert scan.advanced(make_reply(more=True, head="b"), NOW).page == 3


def test_a_refused_list_keeps_its_watermark_and_says_what_is_wrong() -> None:
    scan = READ.begun(make_sync(mode=Mode.FULL), EMPLOYEES, NOW + HOUR).failed("ScopeMissing", NOW + 2 * HOUR)
    assert (scan.watermark, scan.finished_at, scan.attempted_at) == (NOW, NOW, NOW + HOUR)
    assert (scan.fault, scan.is_under_way) == ("ScopeMissing", False)
    assert READ.advanced(make_reply(), NOW).fault is None


def test_a_pass_reads_what_it_covers_and_what_was_never_read() -> None:
    assert make_sync().wants(EMPLOYEES, FRESH)
    assert not make_sync(streams=frozenset({Stream.USERS})).wants(EMPLOYEES, FRESH)


def test_a_pass_reads_what_was_last_read_before_it_was_asked_for() -> None:
    assert make_sync(requested_at=NOW + HOUR).wants(EMPLOYEES, READ)
    assert not make_sync(requested_at=NOW).wants(EMPLOYEES, READ)
    assert not make_sync(requested_at=NOW - HOUR).wants(EMPLOYEES, READ)


@pytest.mark.parametrize(
    ("mode", "wanted"), [(Mode.CHANGES, False), (Mode.RECONCILE, True), (Mode.FULL, True)]
)
def test_a_look_for_changes_that_a_reconcile_waited_for_does_not_do_its_work(
    mode: Mode, wanted: bool
) -> None:
    sync = make_sync(mode=mode, requested_at=NOW - HOUR, started_at=NOW + HOUR)
    assert sync.wants(EMPLOYEES, READ) is wanted
    assert not sync.wants(EMPLOYEES, READ.advanced(make_reply(), NOW + 2 * HOUR))


@pytest.mark.parametrize(
    ("mode", "after", "wanted"),
    [
        (Mode.CHANGES, timedelta(days=6), False),
        (Mode.CHANGES, timedelta(days=7), True),
        (Mode.RECONCILE, HOUR, True),
        (Mode.FULL, HOUR, True),
        (Mode.RECONCILE, -HOUR, False),
    ],
)
def test_a_list_that_seldom_moves_rests_from_looks_for_changes(
    mode: Mode, after: timedelta, wanted: bool
) -> None:
    scan = Scan(resource=Resource.PAYROLL_SETTINGS, finished_at=NOW)
    assert make_sync(mode=mode, requested_at=NOW + after).wants(SETTINGS, scan) is wanted


def test_a_scan_under_way_is_finished_by_its_own_pass() -> None:
    sync = make_sync(requested_at=NOW - HOUR)
    assert sync.wants(EMPLOYEES, READ.begun(sync, EMPLOYEES, NOW))


def test_a_list_that_was_refused_is_not_asked_again_by_the_same_pass() -> None:
    sync = make_sync(requested_at=NOW)
    refused = FRESH.begun(sync, EMPLOYEES, NOW).failed("ScopeMissing", NOW + HOUR)
    assert not sync.wants(EMPLOYEES, refused)
    assert make_sync(id=SyncId(2), requested_at=NOW + 2 * HOUR).wants(EMPLOYEES, refused)


@pytest.mark.parametrize(
    ("resource", "mode", "scans", "twice"),
    [
        (Resource.PAY_RUNS, Mode.CHANGES, [], True),
        (Resource.PAY_RUNS, Mode.CHANGES, [Resource.ORGANISATION], False),
        (Resource.PAY_RUNS, Mode.RECONCILE, [], False),
        (Resource.EMPLOYEES, Mode.CHANGES, [], False),
    ],
)
def test_a_short_look_for_changes_reads_the_newest_pay_runs_again(
    resource: Resource, mode: Mode, scans: list[Resource], twice: bool
) -> None:
    begun = {one: Scan(resource=one) for one in scans}
    assert make_sync(mode=mode).looks_twice(resource, begun) is twice


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 640), (9, 900), (11, 900), (500, 900)]
)
def test_backing_off_doubles_up_to_a_quarter_of_an_hour(attempt: int, seconds: int) -> None:
    assert make_lease(attempt=attempt).backoff == timedelta(seconds=seconds)


@pytest.mark.parametrize(("length", "seconds"), [(2, 0.5), (3, 0.75), (36, 9), (45, 10), (600, 10)])
def test_calls_of_a_batch_are_begun_for_a_quarter_of_the_lease_and_ten_seconds_at_most(
    length: float, seconds: float
) -> None:
    lease = make_lease(length=timedelta(seconds=length))
    assert lease.batch_time == timedelta(seconds=seconds)


def backlog(payslips_per_run: str = "0", **stale: int) -> Backlog:
    left = {Resource(name): count for name, count in stale.items()}
    return Backlog(fresh={Resource.PAY_RUN: 10}, stale=left, payslips_per_run=Decimal(payslips_per_run))


def test_what_is_missing_is_counted_in_calls() -> None:
    assert backlog(employee=2, pay_run=3, payslip=4).calls_left(AU) == 9
    assert backlog(employee=2, pay_run=3).calls_left(PLANS[Region.NZ]) == 2 * 3 + 3


def test_payslips_of_runs_that_are_yet_to_be_read_are_guessed_where_they_are_calls() -> None:
    assert backlog("2.4", pay_run=10).calls_left(AU) == 10 + 24
    assert backlog("2.4", pay_run=10).calls_left(PLANS[Region.NZ]) == 10


def test_a_pay_run_that_shows_all_its_payslips_takes_a_call_for_each_hundred() -> None:
    nz = PLANS[Region.NZ]
    assert [nz.sized(staff).calls_for(Resource.PAY_RUN) for staff in (0, 100, 101, 950)] == [1, 1, 2, 10]
    assert nz.sized(950).calls_for(Resource.EMPLOYEE) == 3
    assert AU.sized(950) == AU
    assert backlog("250.5", pay_run=4).calls_left(nz) == 4 * 3
    assert backlog("250.5", pay_run=10).percent(nz) == 50


def test_a_hundred_per_cent_means_that_nothing_is_missing() -> None:
    assert backlog().percent(AU) == 100
    assert backlog(pay_run=10).percent(AU) == 50
    assert Backlog(fresh={Resource.PAYSLIP: 100_000}, stale={Resource.PAYSLIP: 1}).percent(AU) == 99
    assert Backlog(fresh={}, stale={}).percent(AU) == 100
    assert Backlog(fresh={}, stale={Resource.PAYSLIP: 1}).percent(AU) == 0


tallies = st.builds(
    Tally, **dict.fromkeys(("calls", "wire_bytes", "seen", "changed", "gone"), st.integers(0, 9))
)
changes = st.builds(
    Changes,
    tallies=st.dictionaries(st.sampled_from(Stream), tallies),
    pay_runs=st.dictionaries(st.sampled_from(["a", "b"]).map(SourceId), st.just(NOW.date())),
    employees=st.frozensets(st.sampled_from(["a", "b"]).map(SourceId)),
)


@given(changes, changes, changes)
def test_changes_add_up_in_any_grouping(one: Changes, two: Changes, three: Changes) -> None:
    assert one.plus(two).plus(three) == one.plus(two.plus(three))
    assert one.plus(Changes()) == Changes().plus(one) == one
    total = one.plus(two)
    for stream in Stream:
        mine = [part.tallies.get(stream, Tally()) for part in (one, two)]
        assert total.tallies.get(stream, Tally()) == mine[0].plus(mine[1])


def test_what_moved_is_what_changed_and_what_is_gone() -> None:
    assert Tally(seen=9, changed=2, gone=3, unreadable=4).moved == 5


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_resource_of_a_plan_belongs_to_a_stream(plan: Plan) -> None:
    resources = [spec.resource for spec in plan.lists]
    assert len(set(resources)) == len(resources)
    assert {plan.stream_of(one) for one in (*resources, *plan.details)} == plan.streams()
    assert all(plan.calls_for(one) >= 1 for one in (*resources, *plan.details))


def test_australia_is_read_in_the_order_that_people_ask_for() -> None:
    assert [spec.resource for spec in AU.lists][:2] == [Resource.ORGANISATION, Resource.USERS]
    assert AU.streams() == frozenset(Stream)
    assert timedelta() < DAILY < WEEKLY


def test_where_payslips_come_with_their_run_it_is_read_for_either() -> None:
    for stream in (Stream.PAY_RUNS, Stream.PAYSLIPS):
        assert PLANS[Region.NZ].details_of({stream}) == [Resource.PAY_RUN]
    assert AU.details_of({Stream.PAY_RUNS, Stream.LEAVE}) == [Resource.PAY_RUN, Resource.LEAVE_APPLICATION]
