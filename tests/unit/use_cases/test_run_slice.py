from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from builders import CLINIC, make_disconnect, make_request
from domain.asking import answer_of
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    AnswerUnreadable,
    Fenced,
    Limit,
    RateLimited,
    RecordNotFound,
    RequestRefused,
    ScopeMissing,
    ServiceError,
    WrongTenant,
    XeroUnavailable,
)
from domain.messages import ConnectionChanged, PayrollChanged, RunSlice, SyncFinished
from domain.model.budget import IN_FLIGHT, Lane, LimitsSeen
from domain.model.connection import ConnectionStatus, Reason, Region
from domain.model.failures import FailureState
from domain.model.ids import ConnectionId, SourceId
from domain.model.pauses import Rest
from domain.model.payroll import PayRunDetail
from domain.model.plans import PLANS
from domain.model.streams import Resource, Stream
from domain.model.sync import OVERLAP, DetailRequest, Lease, ListRequest, Mode, Reply, Request, Unreadable
from domain.model.tokens import Access, CredentialState
from domain.slices import planning
from domain.use_cases.doubts import BELIEVED
from domain.use_cases.run_slice import SliceOutcome, run_slice
from fakes.service import InMemoryService, make_service
from fakes.source import details_of, lists_of
from payroll_builders import (
    make_employee,
    make_lines,
    make_organisation,
    make_timesheet,
    make_timesheet_detail,
    make_user,
)
from unit.use_cases.clinic import NEWEST, connected_clinic, employ, pay

TABLES = ("employee", "pay_run", "payslip", "pay_line", "timesheet", "leave_application", "account_user")
USERS, EMPLOYEES = ListRequest(Resource.USERS), ListRequest(Resource.EMPLOYEES)
ORGANISATION = ListRequest(Resource.ORGANISATION)
HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> InMemoryService:
    return connected_clinic()


def counts(service: InMemoryService) -> dict[str, int]:
    """How many rows of the clinic each table shows."""
    rows = service.database.payroll.payroll
    connection_id = service.connection().id
    return {table: sum(row.is_there for row in rows.of(table, connection_id).values()) for table in TABLES}


EVERYTHING = {
    "employee": 2,
    "pay_run": 3,
    "payslip": 6,
    "pay_line": 6,
    "timesheet": 1,
    "leave_application": 1,
    "account_user": 1,
}


def said(service: InMemoryService, kind: type) -> list[object]:
    return [event for event in service.database.outbox.events if isinstance(event, kind)]


def failures(service: InMemoryService) -> list[tuple[str, str, FailureState]]:
    kept = [one.failure for one in service.database.failures.kept]
    return [(one.error, one.subject, one.state) for one in kept]


def detail(resource: Resource, name: str) -> DetailRequest:
    return DetailRequest(resource, SourceId(name))


def test_a_first_slice_reads_everything(service: InMemoryService) -> None:
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING
    assert failures(service) == []
    assert service.due() == []


def test_lists_come_first_then_the_newest_details_and_history_last(service: InMemoryService) -> None:
    service.slice()
    kinds = [type(request) for request in service.xero.requests]
    assert kinds == sorted(kinds, key=[ListRequest, DetailRequest].index)
    asked = details_of(service.xero.requests)
    position = {request.source_id: number for number, request in enumerate(asked)}
    assert position[SourceId("run-3")] < position[SourceId("run-3-slip-1")] < position[SourceId("run-2")]
    assert position[SourceId("run-2")] < position[SourceId("run-1-slip-1")]
    assert max(position[SourceId(f"employee-{number}")] for number in (1, 2)) < position[SourceId("run-2")]


def test_nothing_is_asked_for_twice(service: InMemoryService) -> None:
    service.slice()
    assert len(set(service.xero.requests)) == len(service.xero.requests)
    assert len(service.xero.requests) == 9 + 2 + 3 + 6


def test_a_second_look_asks_for_what_changed_and_reads_no_more(service: InMemoryService) -> None:
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    assert service.sync() is SliceOutcome.DONE
    lists = [one for one in service.xero.requests if isinstance(one, ListRequest)]
    assert {one.resource for one in lists} == {
        Resource.EMPLOYEES,
        Resource.TERMINATED_EMPLOYEES,
        Resource.PAY_RUNS,
        Resource.TIMESHEETS,
        Resource.LEAVE,
    }
    assert {one.since for one in lists} == {service.database.now - HOUR - OVERLAP}
    assert details_of(service.xero.requests) == [detail(Resource.PAY_RUN, "run-3")]


def test_what_changed_at_the_source_is_read_and_told(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.database.outbox.events.clear()
    now = service.database.now
    employ(service, "employee-1", summary=make_employee("employee-1", last_name="New", source_updated_at=now))
    pay(service, "run-4", date(2026, 12, 1), source_updated_at=now)
    service.sync()
    changed = said(service, PayrollChanged)
    assert {run for one in changed if isinstance(one, PayrollChanged) for run in one.pay_runs} == {"run-4"}
    assert counts(service)["payslip"] == 8


def test_what_was_deleted_at_the_source_is_found_at_night(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.xero.remove(Resource.PAY_RUNS, Resource.PAY_RUN, SourceId("run-2"))
    service.xero.remove(Resource.EMPLOYEES, Resource.EMPLOYEE, SourceId("employee-2"))
    service.request_sync(make_request(mode=Mode.RECONCILE))
    service.slice()
    assert counts(service)["pay_run"] == 2
    assert counts(service)["employee"] == 1


def test_the_end_of_a_pass_and_of_its_backfill_are_told(service: InMemoryService) -> None:
    service.slice()
    finished = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert [one.mode.value for one in finished] == ["changes", "backfill"]
    assert [one.backfill_percent == 100 for one in finished] == [False, True]
    assert finished[0].streams[Stream.EMPLOYEES].calls == 4
    assert finished[0].streams[Stream.EMPLOYEES].fault is None
    assert set(finished[0].streams) == set(Stream)


def test_a_pass_carries_its_trace_and_who_asked(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    event = make_request(requested_by="olivia")
    service.request_sync(replace(event, header=replace(event.header, traceparent="00-trace")))
    service.slice()
    last = list(service.database.outbox.unsent.values())[-1].envelope
    assert (last.type, last.traceparent) == (SyncFinished.type, "00-trace")
    assert last.data["requested_by"] == "olivia"


def test_only_the_streams_that_were_asked_for_are_read(service: InMemoryService) -> None:
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    service.request_sync(make_request(streams=frozenset({Stream.TIMESHEETS})))
    service.slice()
    assert lists_of(service.xero.requests) == [Resource.TIMESHEETS]


def test_payslips_are_found_by_their_pay_runs(service: InMemoryService) -> None:
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    pay(service, "run-4", NEWEST + timedelta(weeks=2), source_updated_at=service.database.now)
    service.request_sync(make_request(streams=frozenset({Stream.PAYSLIPS})))
    service.slice()
    assert lists_of(service.xero.requests) == [Resource.PAY_RUNS, Resource.ORGANISATION]  # that it is theirs
    assert counts(service)["pay_line"] == EVERYTHING["pay_line"] + 2


@pytest.mark.parametrize(
    ("mode", "stream", "details"),
    [
        (Mode.FULL, Stream.TIMESHEETS, set()),  # they come in full from their list
        (Mode.FULL, Stream.EMPLOYEES, {Resource.EMPLOYEE}),
        (Mode.FULL, Stream.PAYSLIPS, {Resource.PAY_RUN, Resource.PAYSLIP}),
        (Mode.RECONCILE, Stream.USERS, set()),
        (Mode.RECONCILE, Stream.EMPLOYEES, {Resource.EMPLOYEE}),
        (Mode.RECONCILE, Stream.PAY_RUNS, {Resource.PAY_RUN}),
    ],
)
def test_details_are_read_again_of_the_streams_that_were_asked_for_and_of_no_others(
    service: InMemoryService, mode: Mode, stream: Stream, details: set[Resource]
) -> None:
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    service.request_sync(make_request(mode=mode, streams=frozenset({stream})))
    assert service.slice() is SliceOutcome.DONE
    assert {one.resource for one in details_of(service.xero.requests)} == details


def test_a_list_of_many_pages_is_read_to_its_end(service: InMemoryService) -> None:
    for number in range(3, 251):
        employ(service, f"employee-{number}")
    service.database.pass_time(HOUR)
    service.slice()
    lists = [one for one in service.xero.requests if isinstance(one, ListRequest)]
    pages = [one.page for one in lists if one.resource is Resource.EMPLOYEES]
    assert pages == [1, 2, 3]


@pytest.mark.parametrize("job", [RunSlice(CLINIC, ConnectionId(404))])
def test_a_connection_that_is_not_there_is_nothing_to_do(service: InMemoryService, job: RunSlice) -> None:
    assert service.run_slice(job) is SliceOutcome.NOTHING_TO_DO


def test_a_disconnected_clinic_is_nothing_to_do(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    assert service.slice() is SliceOutcome.NOTHING_TO_DO
    assert service.xero.requests == []


def test_a_connection_that_somebody_works_on_is_nothing_to_do(service: InMemoryService) -> None:
    with service.database.transaction(CLINIC) as stores:
        assert stores.syncs.lease(service.connection().id)
    assert service.slice() is SliceOutcome.NOTHING_TO_DO


def during(service: InMemoryService, at: int, action: Callable[[], object]) -> None:
    """Do something while answers are on their way, the nth request's the last of them."""

    def meanwhile(_request: Request) -> None:
        if len(service.xero.requests) >= at:
            service.xero.meanwhile = lambda _: None
            action()

    service.xero.meanwhile = meanwhile


@pytest.mark.parametrize("at", range(1, 20))
def test_no_row_is_written_after_a_disconnect_in_the_middle(service: InMemoryService, at: int) -> None:
    kept: list[dict[str, int]] = []

    def disconnect() -> None:
        service.disconnect(make_disconnect())
        kept.append(counts(service))

    during(service, at, disconnect)
    assert service.slice() is SliceOutcome.FENCED
    assert [counts(service)] == kept
    assert not service.connection().is_open
    assert service.slice() is SliceOutcome.NOTHING_TO_DO


def test_a_slice_whose_lease_was_taken_writes_nothing_more(service: InMemoryService) -> None:
    def take() -> None:
        service.database.pass_time(timedelta(seconds=60))
        with service.database.transaction(CLINIC) as stores:
            assert stores.syncs.lease(service.connection().id)

    during(service, 3, take)
    before = counts(service)
    assert service.slice() is SliceOutcome.FENCED
    assert counts(service) == before


def test_a_slice_that_is_told_to_stop_saves_what_came_and_goes_on_later(service: InMemoryService) -> None:
    service.stopping = lambda: len(service.xero.requests) >= 5
    assert service.slice() is SliceOutcome.CONTINUED
    assert 5 <= len(service.xero.requests) <= 5 + IN_FLIGHT
    assert service.due() == [RunSlice(CLINIC, service.connection().id)]
    service.stopping = lambda: False
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING
    asked = [one for one in service.xero.requests if one != ORGANISATION]
    assert len(set(asked)) == len(asked)


def test_a_slice_ends_after_its_time_and_goes_on_later(service: InMemoryService) -> None:
    service.xero.meanwhile = lambda _: service.database.pass_time(timedelta(seconds=4))
    outcomes = [service.slice() for _ in range(3)]
    assert SliceOutcome.CONTINUED in outcomes
    service.xero.meanwhile = lambda _: None
    assert service.slice() in {SliceOutcome.DONE, SliceOutcome.NOTHING_TO_DO}
    assert counts(service) == EVERYTHING


def test_never_more_than_four_calls_are_in_flight() -> None:
    service = connected_clinic(staff=9, runs=3)
    service.slice()
    assert service.xero.most_in_flight == IN_FLIGHT


def test_calls_are_counted_before_they_are_made_and_as_they_were_made(service: InMemoryService) -> None:
    service.slice()
    tenant = service.connection().tenant
    assert tenant is not None
    budget = service.database.budget.get_for_update(tenant.id)
    assert service.database.syncs.used[service.connection().id][0] == len(service.xero.requests)
    assert budget.app.remaining == 10_000 - len(service.xero.requests)


def headers_of(service: InMemoryService, minute: int) -> None:
    """Xero counts, and says in every answer what is left of the minute."""
    service.xero.limits = lambda: LimitsSeen(minute=max(0, minute - len(service.xero.requests)))


def test_a_slice_stops_when_xero_says_that_nothing_is_left(service: InMemoryService) -> None:
    headers_of(service, 9)
    assert service.slice() is SliceOutcome.PARKED
    assert len(service.xero.requests) <= 9
    due_at = service.database.syncs.states[service.connection().id].due_at
    assert due_at == service.database.now + timedelta(minutes=1)
    assert service.due() == []


def test_a_limit_that_was_halved_is_kept_to() -> None:
    service = connected_clinic(staff=9, runs=9)
    headers_of(service, 30)
    assert service.slice() is SliceOutcome.PARKED
    assert len(service.xero.requests) <= 30


def test_the_last_call_of_a_minute_is_made_too() -> None:
    service = connected_clinic(staff=9, runs=9)
    headers_of(service, 30)
    assert service.slice() is SliceOutcome.PARKED
    assert len(service.xero.requests) == 30


def test_what_the_last_call_says_is_gone_is_believed_in_the_next_minute() -> None:
    """No call is left to ask whose answer that was."""
    service, whole = (connected_clinic(staff=9, runs=9) for _ in range(2))
    headers_of(service, 30)
    assert service.slice() is SliceOutcome.PARKED
    service.database.pass_time(timedelta(seconds=61))  # the organisation's own answer is too old by now
    headers_of(service, 60)

    def lose_the_last(request: Request) -> None:
        if len(service.xero.requests) == 60 and isinstance(request, DetailRequest):
            service.xero.details.pop(request, None)

    service.xero.meanwhile = lose_the_last
    assert service.slice() is SliceOutcome.PARKED
    lost = service.xero.requests[-1]
    service.xero.meanwhile = lambda _: None
    service.xero.limits = LimitsSeen
    for one in (service, whole):
        while one.slice() is not SliceOutcome.DONE:
            one.database.pass_time(timedelta(seconds=61))
    assert service.xero.requests.count(lost) == 2
    assert sum(counts(service).values()) < sum(counts(whole).values())


def test_a_parked_connection_goes_on_in_the_next_minute(service: InMemoryService) -> None:
    headers_of(service, 9)
    service.slice()
    asked = len(service.xero.requests)
    service.xero.limits = LimitsSeen
    service.database.pass_time(timedelta(seconds=61))
    assert service.due() == [RunSlice(CLINIC, service.connection().id)]
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING
    wanted = [one for one in service.xero.requests if one != ORGANISATION]
    assert len(set(wanted)) == len(wanted) > asked


@pytest.mark.parametrize(
    ("limit", "advice", "wait"),
    [
        (Limit.MINUTE, timedelta(seconds=17), timedelta(seconds=17)),
        (Limit.DAY, timedelta(hours=3), timedelta(hours=3)),
        (Limit.CONCURRENT, timedelta(seconds=5), timedelta(seconds=5)),
        (Limit.CONCURRENT, None, timedelta(seconds=5)),
        (Limit.MINUTE, None, timedelta(minutes=1)),
        (Limit.APP_MINUTE, timedelta(seconds=30), timedelta(minutes=1)),  # the app's minute is everybody's
    ],
)
def test_a_429_is_an_accident_that_parks_for_as_long_as_xero_says(
    service: InMemoryService, limit: Limit, advice: timedelta | None, wait: timedelta
) -> None:
    service.xero.fail(USERS, RateLimited(limit, advice))
    assert service.slice() is SliceOutcome.PARKED
    assert service.database.syncs.states[service.connection().id].due_at == service.database.now + wait
    [kept] = service.database.failures.kept
    assert kept.failure.state is FailureState.of_limit(limit)
    assert service.database.now < (kept.failure.until or service.database.now) <= service.database.now + wait
    assert service.connection().is_active
    service.database.pass_time(wait)
    assert service.slice() is SliceOutcome.DONE
    assert [state for _, _, state in failures(service)] == [FailureState.RESOLVED]
    assert counts(service) == EVERYTHING


def test_backfill_leaves_a_reserve_of_the_day_for_fresh_data(service: InMemoryService) -> None:
    service.xero.limits = lambda: LimitsSeen(day=100 + 14 - len(service.xero.requests))
    assert service.slice() is SliceOutcome.PARKED
    lanes = [one.lane for one in said(service, PayrollChanged) if isinstance(one, PayrollChanged)]
    assert Lane.FRESH in lanes
    assert detail(Resource.PAYSLIP, "run-3-slip-1") in service.xero.requests
    assert detail(Resource.PAYSLIP, "run-1-slip-1") not in service.xero.requests


def test_fresh_data_is_looked_for_every_hour_while_backfill_waits_for_its_day(
    service: InMemoryService,
) -> None:
    service.xero.limits = lambda: LimitsSeen(day=100 + 14 - len(service.xero.requests))
    assert service.slice() is SliceOutcome.PARKED
    service.xero.requests.clear()
    service.database.pass_time(HOUR * 1.2)
    assert service.due() == [RunSlice(CLINIC, service.connection().id)]
    service.xero.limits = lambda: LimitsSeen(day=90 - len(service.xero.requests))
    assert service.slice() is SliceOutcome.PARKED
    assert Resource.PAY_RUNS in lists_of(service.xero.requests)
    assert detail(Resource.PAYSLIP, "run-1-slip-1") not in service.xero.requests
    service.xero.limits = LimitsSeen
    service.database.pass_time(HOUR * 24)
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING


def test_fresh_data_uses_the_reserve(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.xero.limits = lambda: LimitsSeen(day=50)
    assert service.sync() is SliceOutcome.DONE


def test_a_day_with_too_few_calls_left_to_do_anything_is_waited_out_and_told(
    service: InMemoryService,
) -> None:
    service.xero.limits = lambda: LimitsSeen(day=1)
    assert service.slice() is SliceOutcome.PARKED
    due_at = service.database.syncs.states[service.connection().id].due_at
    assert due_at == service.database.now + timedelta(days=1)
    assert [(error, state) for error, _, state in failures(service)] == [
        ("DayLimitReached", FailureState.PARKED_DAY)
    ]


SET_ASIDE = [AnswerUnreadable("html"), RequestRefused("no", status=400), ScopeMissing("no")]


@pytest.mark.parametrize("error", [*SET_ASIDE, RecordNotFound("none")], ids=repr)
def test_a_list_that_xero_refuses_is_noted_and_the_rest_is_read(
    service: InMemoryService, error: ServiceError
) -> None:
    service.xero.fail(USERS, error)
    assert service.slice() is SliceOutcome.DONE
    assert failures(service) == [(type(error).__name__, "users", FailureState.FAILED)]
    assert counts(service) == {**EVERYTHING, "account_user": 0}
    [finished, _] = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert finished.streams[Stream.USERS].fault is not None
    service.database.pass_time(timedelta(hours=21))
    service.sync()
    assert counts(service) == EVERYTHING
    assert failures(service)[0][2] is FailureState.RESOLVED


@pytest.mark.parametrize("error", SET_ASIDE, ids=repr)
def test_a_detail_that_cannot_be_read_is_set_aside_and_the_rest_is_read(
    service: InMemoryService, error: ServiceError
) -> None:
    service.xero.fail(detail(Resource.PAYSLIP, "run-2-slip-1"), error)
    assert service.slice() is SliceOutcome.DONE
    assert failures(service) == [(type(error).__name__, "payslip:run-2-slip-1", FailureState.FAILED)]
    assert counts(service) == {**EVERYTHING, "pay_line": 5}
    assert service.slice() is SliceOutcome.DONE
    asked = [one for one in service.xero.requests if one == detail(Resource.PAYSLIP, "run-2-slip-1")]
    assert len(asked) == 1


def test_the_calls_of_a_detail_that_failed_are_counted_with_the_others(service: InMemoryService) -> None:
    error = RequestRefused("no", status=400)
    error.calls = 3
    service.xero.fail(detail(Resource.EMPLOYEE, "employee-1"), error)
    service.slice()
    [finished, _] = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert finished.streams[Stream.EMPLOYEES].calls == 4 + 2


def test_a_stream_is_not_checked_before_each_of_its_lists_was_read(service: InMemoryService) -> None:
    service.xero.fail(ListRequest(Resource.TERMINATED_EMPLOYEES), RequestRefused("no", status=400))
    service.slice()
    finished = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    staff = finished[0].streams[Stream.EMPLOYEES]
    assert (staff.checked_at, staff.freshness) == (None, "employees not read yet; the last look failed")
    service.database.pass_time(HOUR)
    service.sync()
    finished = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert finished[-1].streams[Stream.EMPLOYEES].checked_at == service.database.now


def in_new_zealand(*, staff: int = 0, runs: int = 0) -> InMemoryService:
    """A clinic whose pay runs come with their payslips' lines."""
    service = make_service()
    service.xero.show(Resource.ORGANISATION, make_organisation(region=Region.NZ, version="NZ"))
    for number in range(1, staff + 1):
        employ(service, f"employee-{number}")
    for run in (f"run-{number}" for number in range(1, runs + 1)):
        pay(service, run, NEWEST, staff=staff)
        lines = tuple(make_lines(f"{run}-slip-{number}") for number in range(1, staff + 1))
        service.xero.beside[detail(Resource.PAY_RUN, run)] = lines
    service.connect()
    return service


def test_a_pay_run_whose_pages_take_longer_than_the_lease_is_read_once() -> None:
    service = in_new_zealand(staff=2, runs=2)
    service.xero.calls = lambda one: 12 if one.resource is Resource.PAY_RUN else 1
    of_others: list[Lease | None] = []

    def dawdle(request: Request) -> None:
        if request.resource is Resource.PAY_RUN:
            service.database.pass_time(timedelta(seconds=5))
            with service.database.transaction(CLINIC) as stores:
                of_others.append(stores.syncs.lease(service.connection().id))

    service.xero.meanwhile = dawdle
    for _ in range(3):
        service.slice()
        service.database.pass_time(timedelta(seconds=61))
    assert of_others == [None] * 24
    asked = [one for one in details_of(service.xero.requests) if one.resource is Resource.PAY_RUN]
    assert sorted(asked, key=str) == [detail(Resource.PAY_RUN, "run-1"), detail(Resource.PAY_RUN, "run-2")]
    assert counts(service)["payslip"] == 4
    assert failures(service) == []


def test_a_disconnect_ends_a_pay_run_of_many_pages_between_two_of_them() -> None:
    service = in_new_zealand(staff=2, runs=1)
    service.xero.calls = lambda one: 20 if one.resource is Resource.PAY_RUN else 1
    pages = 0

    def disconnect(request: Request) -> None:
        nonlocal pages
        if request.resource is Resource.PAY_RUN:
            pages += 1
            service.database.pass_time(timedelta(seconds=4))
        if pages == 2 and service.connection().is_open:
            service.disconnect(make_disconnect())

    service.xero.meanwhile = disconnect
    assert service.slice() is SliceOutcome.FENCED
    assert 2 <= pages <= 6


def test_pay_runs_of_many_pages_are_not_begun_at_the_end_of_a_minute() -> None:
    """Xero says after each call what is left; four of the sixty are too few for a run of seven hundred."""
    service = in_new_zealand(staff=2, runs=20)
    for number in range(3, 701):
        employ(service, f"employee-{number}")
    made = 0

    def count(_request: Request) -> None:
        nonlocal made
        made += 1
        if made > 60:
            raise RateLimited(Limit.MINUTE, timedelta(seconds=30))

    service.xero.calls = lambda one: 7 if one.resource is Resource.PAY_RUN else 1
    service.xero.meanwhile = count
    service.xero.limits = lambda: LimitsSeen(minute=60 - made, day=4_000)
    for _ in range(20):
        service.slice()
        service.database.pass_time(timedelta(seconds=61))
        made = 0
    assert failures(service) == []
    assert counts(service)["employee"] == 700
    assert counts(service)["payslip"] == 2 * 20


def test_a_night_reads_a_part_of_a_large_clinics_staff_again_and_some_nights_all_of_it() -> None:
    """In New Zealand somebody is three calls, so 130 staff are more than a third of a day's thousand."""
    service = in_new_zealand(staff=130)
    nights = []
    for _ in range(3):
        service.xero.requests.clear()
        while service.slice() is not SliceOutcome.DONE:
            service.database.pass_time(timedelta(seconds=61))
        nights.append({one.source_id for one in details_of(service.xero.requests)})
        service.database.pass_time(timedelta(days=1))
        service.request_sync(make_request(mode=Mode.RECONCILE))
    first, second, third = nights
    assert len(first) == 130
    assert not second & third
    assert second | third == first


def test_a_wish_that_comes_after_a_list_was_read_has_it_read_again(service: InMemoryService) -> None:
    """Somebody edits an employee and presses refresh while the rest of the batch is still on its way."""
    service.slice()
    service.database.pass_time(HOUR)
    wishes = 0

    def edit(request: Request) -> None:
        nonlocal wishes
        if request.resource is Resource.LEAVE and not wishes:
            wishes += 1
            service.database.pass_time(timedelta(seconds=2))
            now = service.database.now
            employ(service, "employee-1", summary=make_employee(first_name="New", source_updated_at=now))
            service.request_sync(make_request())

    service.xero.meanwhile = edit
    service.sync()
    rows = service.database.payroll.payroll.of("employee", service.connection().id)
    assert "New" in {row.values["first_name"] for row in rows.values()}


def test_a_list_whose_pages_take_long_is_no_more_current_than_its_first(service: InMemoryService) -> None:
    service.xero.page_size = 2
    begun = service.database.now

    def dawdle(request: Request) -> None:
        if request == ListRequest(Resource.PAY_RUNS, 2):
            service.database.pass_time(timedelta(minutes=10))

    service.xero.meanwhile = dawdle
    while service.slice() is not SliceOutcome.DONE:
        service.database.pass_time(timedelta(seconds=61))
    finished = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert finished[0].streams[Stream.PAY_RUNS].checked_at == begun


def test_a_stream_that_the_country_does_not_have_is_not_spoken_of() -> None:
    service = in_new_zealand()
    service.slice()
    service.database.pass_time(HOUR * 1.2)
    assert service.due() != []
    service.slice()
    finished = [one for one in said(service, SyncFinished) if isinstance(one, SyncFinished)]
    assert finished[-1].requested_by == "schedule"
    assert set(finished[-1].streams) == set(finished[0].streams) == PLANS[Region.NZ].streams()


def test_a_detail_that_xero_has_no_more_is_gone(service: InMemoryService) -> None:
    service.xero.details.pop(detail(Resource.EMPLOYEE, "employee-2"))
    assert service.slice() is SliceOutcome.DONE
    assert counts(service)["employee"] == 1
    assert failures(service) == []


def answer_to(request: Request, service: InMemoryService) -> Reply:
    """What Xero would answer, without asking."""
    [credential_id] = service.database.credentials.tokens
    token = service.database.credentials.tokens[credential_id].access_token
    reply = answer_of(service.xero.asked(request, Access(token, 0)))
    service.xero.requests.clear()
    return reply


def test_records_that_cannot_be_read_are_set_aside_by_themselves(service: InMemoryService) -> None:
    broken = Unreadable(SourceId("employee-9"), "Expected `str` - at `$.Status`")
    whole = answer_to(EMPLOYEES, service)
    service.xero.replies[EMPLOYEES] = replace(whole, unreadable=(broken,))
    assert service.slice() is SliceOutcome.DONE
    assert failures(service) == [("UnreadableRecord", "employees:employee-9", FailureState.QUARANTINED)]
    assert service.database.failures.kept[0].failure.context == {"why": broken.why}
    assert counts(service) == EVERYTHING


def test_an_unreadable_detail_is_set_aside(service: InMemoryService) -> None:
    request = detail(Resource.PAYSLIP, "run-1-slip-1")
    whole = answer_to(request, service)
    unreadable = (Unreadable(SourceId("run-1-slip-1"), "a number beyond any payroll"),)
    service.xero.replies[request] = replace(whole, records=(), unreadable=unreadable)
    assert service.slice() is SliceOutcome.DONE
    assert failures(service) == [("UnreadableRecord", "payslip:run-1-slip-1", FailureState.QUARANTINED)]


WEATHER = [XeroUnavailable("away", status=503), XeroUnavailable("away")]


@pytest.mark.parametrize("error", WEATHER, ids=repr)
def test_an_outage_is_backed_off_longer_each_time_and_noted_as_weather(
    service: InMemoryService, error: ServiceError
) -> None:
    service.xero.fail(None, *[error] * 40)
    for attempt, wait in enumerate((5, 10, 20, 40), start=1):
        assert service.slice() is SliceOutcome.FAILED
        state = service.database.syncs.states[service.connection().id]
        assert state.due_at == service.database.now + timedelta(seconds=wait)
        assert state.attempts == attempt
        service.database.pass_time(timedelta(seconds=wait))
    [kept] = service.database.failures.kept
    assert (kept.failure.error, kept.failure.state) == ("XeroUnavailable", FailureState.RETRYING)
    assert kept.attempts == 4
    assert service.connection().is_active


def test_what_came_before_an_outage_is_kept_and_the_failure_is_resolved_after_it(
    service: InMemoryService,
) -> None:
    service.xero.fail(ListRequest(Resource.LEAVE), XeroUnavailable("away"))
    assert service.slice() is SliceOutcome.FAILED
    assert counts(service)["pay_run"] == 3
    service.database.pass_time(timedelta(seconds=5))
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING
    assert [state for _, _, state in failures(service)] == [FailureState.RESOLVED]


def test_a_bug_is_backed_off_noted_and_raised(service: InMemoryService) -> None:
    service.xero.fail(USERS, ZeroDivisionError("a secret"))
    with pytest.raises(ZeroDivisionError):
        service.slice()
    assert [(error, state) for error, _, state in failures(service)] == [
        ("ZeroDivisionError", FailureState.FAILED)
    ]
    assert "secret" not in repr(service.database.failures.kept)
    assert service.due() == []
    service.database.pass_time(timedelta(seconds=6))
    assert service.slice() is SliceOutcome.DONE


def test_an_expired_token_is_refreshed_and_the_slice_goes_on(service: InMemoryService) -> None:
    service.authorizer.expire_access()
    assert service.slice() is SliceOutcome.DONE
    assert service.authorizer.script.calls.count("refresh") == 1
    assert counts(service) == EVERYTHING


def test_a_token_that_expires_in_the_middle_is_refreshed_too(service: InMemoryService) -> None:
    during(service, 5, service.authorizer.expire_access)
    assert service.slice() is SliceOutcome.DONE
    assert counts(service) == EVERYTHING


def test_a_token_that_is_never_accepted_is_backed_off(service: InMemoryService) -> None:
    service.xero.accepts = lambda _access: False
    service.xero.fail(None, *[AccessExpired("no")] * 40)
    assert service.slice() is SliceOutcome.FAILED
    assert service.authorizer.script.calls.count("refresh") == 2


def test_a_refresh_that_is_under_way_elsewhere_is_weather(service: InMemoryService) -> None:
    rows = service.database.credentials.rows
    [credential_id] = rows
    rows[credential_id] = rows[credential_id].claimed(service.database.now)
    assert service.slice() is SliceOutcome.FAILED
    assert failures(service)[0][0] == "RefreshBusy"


def test_a_withdrawn_consent_needs_attention_and_stops(service: InMemoryService) -> None:
    service.authorizer.expire_access()
    service.authorizer.refresh_tokens.clear()
    assert service.slice() is SliceOutcome.NEEDS_ATTENTION
    assert service.connection().reason is Reason.CONSENT_WITHDRAWN
    assert service.slice() is SliceOutcome.NOTHING_TO_DO


def needs_attention(service: InMemoryService, reason: Reason, state: CredentialState) -> None:
    """The clinic was told once, for this reason, and nothing is read any more."""
    found = service.connection()
    assert (found.status, found.reason) == (ConnectionStatus.NEEDS_ATTENTION, reason)
    [told] = said(service, ConnectionChanged)
    assert isinstance(told, ConnectionChanged)
    assert (told.reason, told.message) == (reason, reason.sentence)
    assert [one.state for one in service.database.credentials.rows.values()] == [state]
    assert service.slice() is SliceOutcome.NOTHING_TO_DO


def test_a_refused_organisation_that_is_linked_no_more_was_disconnected_in_xero(
    service: InMemoryService,
) -> None:
    service.xero.fail(EMPLOYEES, AccessForbidden("no"))
    service.authorizer.links.clear()
    assert service.slice() is SliceOutcome.NEEDS_ATTENTION
    needs_attention(service, Reason.DISCONNECTED_IN_XERO, CredentialState.REVOCATION_PENDING)


def test_one_refusal_of_a_linked_organisation_is_not_believed(service: InMemoryService) -> None:
    service.xero.fail(EMPLOYEES, AccessForbidden("no"))
    assert service.slice() is SliceOutcome.FAILED
    assert [state for *_, state in failures(service)] == [FailureState.RETRYING]
    service.database.pass_time(timedelta(seconds=10))
    assert RunSlice(CLINIC, service.connection().id) in service.due()
    assert service.slice() is SliceOutcome.DONE
    assert [state for *_, state in failures(service)] == [FailureState.RESOLVED]
    assert said(service, ConnectionChanged) == []
    assert counts(service) == EVERYTHING


def refuse(_request: Request) -> None:
    """Xero lets nothing of the organisation be read."""
    raise AccessForbidden("no")


def next_slice(service: InMemoryService) -> SliceOutcome:
    """Let time pass until a slice is due, and run it."""
    while RunSlice(CLINIC, service.connection().id) not in service.due():
        service.database.pass_time(timedelta(seconds=1))
    return service.slice()


def nearly_believed(service: InMemoryService) -> None:
    """Xero refuses everything, once less than it takes to be believed."""
    service.xero.meanwhile = refuse
    for _ in range(BELIEVED - 1):
        assert next_slice(service) is SliceOutcome.FAILED
        assert service.connection().is_active


def test_an_organisation_that_is_refused_for_more_than_a_minute_has_lost_its_role(
    service: InMemoryService,
) -> None:
    began = service.database.now
    nearly_believed(service)
    assert next_slice(service) is SliceOutcome.NEEDS_ATTENTION
    needs_attention(service, Reason.PAYROLL_UNAVAILABLE, CredentialState.LIVE)
    assert {state for *_, state in failures(service)} == {FailureState.RESOLVED}
    assert service.database.now - began > timedelta(minutes=1)
    assert len(service.xero.requests) == BELIEVED + 1


def test_a_refusal_after_other_trouble_is_the_first(service: InMemoryService) -> None:
    service.xero.fail(None, *[XeroUnavailable("away")] * (BELIEVED - 1))
    for _ in range(BELIEVED - 1):
        assert next_slice(service) is SliceOutcome.FAILED
    nearly_believed(service)
    service.xero.meanwhile = lambda _request: None
    assert next_slice(service) is SliceOutcome.DONE
    assert {state for *_, state in failures(service)} == {FailureState.RESOLVED}
    assert said(service, ConnectionChanged) == []


def test_a_refusal_is_not_believed_however_often_it_came_if_payroll_can_be_read_after_it(
    service: InMemoryService,
) -> None:
    nearly_believed(service)
    service.xero.meanwhile = lambda _request: None
    service.xero.fail(None, AccessForbidden("no"))
    assert next_slice(service) is SliceOutcome.FAILED
    assert service.connection().is_active
    assert next_slice(service) is SliceOutcome.DONE
    assert said(service, ConnectionChanged) == []


def test_one_record_that_is_refused_for_good_does_not_have_every_list_asked_for_each_time(
    service: InMemoryService,
) -> None:
    def refuse_one(request: Request) -> None:
        if request == detail(Resource.EMPLOYEE, "employee-1"):
            refuse(request)

    service.xero.meanwhile = refuse_one
    for _ in range(4 * BELIEVED):
        assert next_slice(service) is SliceOutcome.FAILED
    leaves = lists_of(service.xero.requests).count(Resource.LEAVE)
    assert leaves == 1 + 4, "once for the pass, and at every fifth refusal"
    assert service.connection().is_active


def test_a_refused_organisation_that_was_disconnected_here_meanwhile_is_left_as_it_is(
    service: InMemoryService,
) -> None:
    service.xero.fail(EMPLOYEES, AccessForbidden("no"))
    connections = service.authorizer.connections

    def list_after_disconnect(access: object) -> object:
        service.disconnect(make_disconnect())
        return connections(access)  # type: ignore[arg-type]

    service.authorizer.connections = list_after_disconnect  # type: ignore[assignment,method-assign]
    service.authorizer.links.clear()
    assert service.slice() is SliceOutcome.NEEDS_ATTENTION
    assert service.connection().status is ConnectionStatus.DISCONNECTED


def test_why_an_organisation_is_refused_is_found_out_later_if_xero_does_not_say(
    service: InMemoryService,
) -> None:
    service.xero.fail(EMPLOYEES, AccessForbidden("no"))
    service.authorizer.script.fail("connections", XeroUnavailable("away"))
    assert service.slice() is SliceOutcome.FAILED
    assert service.connection().is_active


def test_an_answer_of_another_organisation_taints_its_whole_batch(service: InMemoryService) -> None:
    before = counts(service)
    service.xero.fail(USERS, WrongTenant("another organisation"))
    assert service.slice() is SliceOutcome.FAILED
    assert counts(service) == before
    assert ("WrongTenant", "users", FailureState.FAILED) in failures(service)


def later(service: InMemoryService, mode: Mode = Mode.CHANGES) -> SliceOutcome:
    """An hour after everything was read, a pass."""
    service.slice()
    service.database.pass_time(HOUR)
    service.xero.requests.clear()
    service.request_sync(make_request(mode=mode))
    return service.slice()


def test_what_shows_only_what_is_held_needs_no_proof_of_whose_it_is(service: InMemoryService) -> None:
    service.slice()
    now = service.database.now + HOUR
    employ(service, "employee-1", summary=make_employee("employee-1", last_name="New", source_updated_at=now))
    assert later(service) is SliceOutcome.DONE
    assert ORGANISATION not in service.xero.requests


@pytest.mark.parametrize(
    "error", [WrongTenant("other"), RequestRefused("no", status=400), XeroUnavailable("away")], ids=repr
)
def test_what_is_new_is_written_only_once_xero_has_said_whose_it_is(
    service: InMemoryService, error: ServiceError
) -> None:
    service.slice()
    before = counts(service)
    employ(service, "employee-9", summary=make_employee("employee-9", source_updated_at=None))
    service.xero.fail(ORGANISATION, error)
    assert later(service) is SliceOutcome.FAILED
    assert counts(service) == before
    service.database.pass_time(HOUR)
    assert service.slice() is SliceOutcome.DONE
    assert counts(service)["employee"] == before["employee"] + 1
    assert all(state is FailureState.RESOLVED for _, _, state in failures(service))


def test_a_process_that_dies_before_what_it_has_read_is_saved_is_backed_off_longer_each_time(
    service: InMemoryService,
) -> None:
    class Killed(BaseException):
        pass

    service.slice()
    employ(service, "employee-9", summary=make_employee("employee-9", source_updated_at=None))
    for attempt in range(1, 4):
        service.xero.fail(ORGANISATION, Killed())  # type: ignore[arg-type]
        with pytest.raises(Killed):
            later(service)
        assert service.database.syncs.states[service.connection().id].attempts == attempt
        service.database.pass_time(HOUR)


def test_that_a_record_is_gone_is_believed_only_once_xero_has_said_whose_it_is(
    service: InMemoryService,
) -> None:
    service.slice()
    service.xero.details.pop(detail(Resource.PAY_RUN, "run-3"))
    service.xero.fail(ORGANISATION, WrongTenant("other"))
    assert later(service) is SliceOutcome.FAILED
    assert counts(service) == EVERYTHING
    service.database.pass_time(HOUR)
    assert service.slice() is SliceOutcome.DONE
    assert counts(service)["pay_run"] == 2


def test_settings_and_users_never_prove_themselves(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.request_sync(make_request(mode=Mode.RECONCILE, streams=frozenset({Stream.USERS})))
    service.xero.requests.clear()
    assert service.slice() is SliceOutcome.DONE
    assert lists_of(service.xero.requests) == [Resource.USERS, Resource.ORGANISATION]


def test_what_needs_no_proof_is_kept_although_the_rest_has_none(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    streams = frozenset({Stream.EMPLOYEES})
    service.request_sync(make_request(mode=Mode.RECONCILE, streams=streams))
    service.xero.details.pop(detail(Resource.EMPLOYEE, "employee-2"))
    service.xero.fail(ORGANISATION, RequestRefused("no", status=400))
    assert service.slice() is SliceOutcome.FAILED
    assert counts(service)["employee"] == 2
    assert ("OriginUnknown", FailureState.RETRYING) in {one[::2] for one in failures(service)}
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    assert service.slice() is SliceOutcome.DONE
    assert counts(service)["employee"] == 1
    assert detail(Resource.EMPLOYEE, "employee-1") not in service.xero.requests


def test_a_fenced_refresh_ends_the_slice_quietly(service: InMemoryService) -> None:
    service.authorizer.expire_access()
    service.authorizer.script.fail("refresh", Fenced("destroyed"))
    assert service.slice() is SliceOutcome.FENCED
    assert failures(service) == []


def test_the_use_cases_clock_is_never_compared_with_rows(service: InMemoryService) -> None:
    """The worker's clock is a year off; only the database's says when something is due."""
    ahead = service.database.now + timedelta(days=365)
    service.xero.limits = lambda: LimitsSeen(minute=max(0, 9 - len(service.xero.requests)))
    outcome = run_slice(
        RunSlice(CLINIC, service.connection().id),
        transaction=service.transaction,
        refresh=service.refresh,
        authorizer=service.identity,
        open_source=service.open_source,
        clock=lambda: ahead,
        stopping=lambda: False,
    )
    assert outcome is SliceOutcome.PARKED
    due_at = service.database.syncs.states[service.connection().id].due_at
    assert due_at == service.database.now + timedelta(minutes=1)


def test_the_newest_pay_run_is_there_after_the_first_two_batches(service: InMemoryService) -> None:
    headers_of(service, 8 + 3)
    service.slice()
    rows = service.database.payroll.payroll.of("payslip", service.connection().id)
    assert {row.values["payment_date"] for row in rows.values()} == {NEWEST}


def test_the_newest_pay_run_is_saved_before_any_other_detail_is_asked_for(service: InMemoryService) -> None:
    seen: list[int] = []

    def look(request: Request) -> None:
        if isinstance(request, DetailRequest) and request.resource is not Resource.PAY_RUN:
            seen.append(counts(service)["payslip"])

    service.xero.meanwhile = look
    service.slice()
    assert min(seen) == 2


def test_older_pay_runs_are_not_asked_for_all_at_once_behind_other_details(
    service: InMemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "PAYSLIPS", 2)  # one run's
    service.slice()
    doubted = [(Resource.EMPLOYEE, "employee-1"), (Resource.PAY_RUN, "run-2"), (Resource.PAY_RUN, "run-1")]
    batches = []
    with service.database.transaction(CLINIC) as stores:
        for resource, name in doubted:
            stores.payroll.doubt(service.connection().id, detail(resource, name))
        while (batch := planning.next_batch(stores, service.connection(), Rest())) is not None:
            batches.append(batch.requests)
            for request in batch.requests:
                assert isinstance(request, DetailRequest)
                stores.payroll.set_aside(service.connection().id, request)
    assert batches == [(detail(resource, name),) for resource, name in doubted]


def test_an_organisation_that_changed_its_name_is_read_again_after_a_day(service: InMemoryService) -> None:
    service.slice()
    service.xero.show(Resource.ORGANISATION, make_organisation(legal_name="Another Name"))
    service.database.pass_time(timedelta(hours=21))
    service.sync()
    [row] = service.database.payroll.payroll.of("organisation", service.connection().id).values()
    assert row.values["legal_name"] == "Another Name"


def test_a_full_pass_reads_every_detail_again(service: InMemoryService) -> None:
    service.slice()
    service.xero.requests.clear()
    service.database.pass_time(HOUR)
    service.request_sync(make_request(mode=Mode.FULL))
    assert service.slice() is SliceOutcome.DONE
    assert len(details_of(service.xero.requests)) == 2 + 3 + 6  # the others come in full from their lists


def test_a_look_for_changes_may_have_many_pages_too(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    for number in range(3, 110):
        changed = make_employee(f"employee-{number}", source_updated_at=service.database.now)
        employ(service, f"employee-{number}", summary=changed)
    service.sync()
    assert counts(service)["employee"] == 109


@pytest.mark.parametrize("says_more", [True, False])
def test_a_list_that_gives_the_same_page_again_is_ended_and_noted(
    service: InMemoryService, says_more: bool
) -> None:
    """Australia says nothing of pages, and a full one is followed by another; elsewhere they are counted."""
    first = replace(answer_to(USERS, service), more=True, head="user-1")
    service.xero.replies[USERS] = first
    for page in range(2, 5):
        service.xero.replies[ListRequest(Resource.USERS, page)] = replace(first, more=says_more)
    assert service.slice() is SliceOutcome.DONE
    assert failures(service) == [("PageLoop", "users:PageLoop", FailureState.QUARANTINED)]
    pages = [one for one in service.xero.requests if isinstance(one, ListRequest)]
    assert len([one for one in pages if one.resource is Resource.USERS]) == 2


def test_what_a_list_did_not_come_to_is_not_taken_to_be_gone(service: InMemoryService) -> None:
    first = replace(answer_to(USERS, service), more=True, head="user-1")
    service.xero.show(Resource.USERS, make_user("user-2"))
    service.slice()
    assert counts(service)["account_user"] == 2
    service.database.pass_time(HOUR)
    for page in range(1, 5):
        service.xero.replies[ListRequest(Resource.USERS, page)] = first
    service.request_sync(make_request(mode=Mode.FULL))
    service.slice()
    assert ("PageLoop", "users:PageLoop", FailureState.QUARANTINED) in failures(service)
    assert counts(service)["account_user"] == 2


def test_a_list_that_suddenly_shows_nothing_is_not_believed_and_told(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.xero.lists[Resource.USERS].clear()
    service.request_sync(make_request(mode=Mode.RECONCILE))
    service.slice()
    assert ("SuspiciouslyEmpty", "users:SuspiciouslyEmpty", FailureState.QUARANTINED) in failures(service)
    assert counts(service)["account_user"] == 1


def test_a_list_that_rightly_shows_nothing_is_found_to_be_right(service: InMemoryService) -> None:
    service.slice()
    service.database.pass_time(HOUR)
    service.xero.remove(Resource.LEAVE, Resource.LEAVE_APPLICATION, SourceId("leave-1"))
    service.request_sync(make_request(mode=Mode.RECONCILE))
    service.slice()
    assert counts(service)["leave_application"] == 0
    assert ("SuspiciouslyEmpty", "leave:SuspiciouslyEmpty", FailureState.RESOLVED) in failures(service)


@pytest.mark.parametrize("mode", [Mode.CHANGES, Mode.RECONCILE])
def test_nothing_is_wrong_with_a_run_that_is_gone(service: InMemoryService, mode: Mode) -> None:
    """Xero says so when it is asked for the draft again, or its list shows it no more."""
    run = detail(Resource.PAY_RUN, "run-3")
    whole = service.xero.details[run]
    assert isinstance(whole, PayRunDetail)
    assert whole.summary is not None
    draft = replace(whole, summary=replace(whole.summary, status="draft"), payslips=whole.payslips[:1])
    service.xero.details[run] = draft
    service.slice()
    assert [error for error, _, _ in failures(service)] == ["PayRunDoesNotTie"]
    service.xero.remove(Resource.PAY_RUNS, Resource.PAY_RUN, SourceId("run-3"))
    service.database.pass_time(HOUR)
    service.request_sync(make_request(mode=mode))
    service.slice()
    assert counts(service)["pay_run"] == 2
    assert [state for _, _, state in failures(service)] == [FailureState.RESOLVED]


@pytest.mark.parametrize("failed", ["timesheet:sheet-1", "payslip:run-3-slip-2", "payslip:run-3-slip-1"])
def test_nothing_is_wrong_with_any_record_that_is_gone(service: InMemoryService, failed: str) -> None:
    """A list shows the timesheet no more, a run is gone with its payslips, or has lost one of them."""
    resource, _, name = failed.partition(":")
    service.xero.show(Resource.TIMESHEETS, make_timesheet())
    service.xero.fail(detail(Resource(resource), name), RequestRefused("no", status=400))
    service.slice()
    assert failures(service) == [("RequestRefused", failed, FailureState.FAILED)]
    run = detail(Resource.PAY_RUN, "run-3")
    whole = service.xero.details[run]
    assert isinstance(whole, PayRunDetail)
    if resource == "timesheet":
        service.xero.remove(Resource.TIMESHEETS, Resource.TIMESHEET, SourceId(name))
        service.xero.show(Resource.TIMESHEETS, make_timesheet_detail("sheet-2"))
    elif name == "run-3-slip-2":
        service.xero.details[run] = replace(whole, payslips=whole.payslips[:1])
    else:
        service.xero.remove(Resource.PAY_RUNS, Resource.PAY_RUN, SourceId("run-3"))
    service.database.pass_time(HOUR)
    service.request_sync(make_request(mode=Mode.RECONCILE))
    service.slice()
    assert failures(service)[0] == ("RequestRefused", failed, FailureState.RESOLVED)


def test_nothing_is_wrong_with_an_item_of_a_list_that_is_gone(service: InMemoryService) -> None:
    service.xero.show(Resource.USERS, make_user("user-2"))
    service.slice()
    whole = answer_to(USERS, service)
    broken = Unreadable(SourceId("user-2"), "Expected `str`")
    service.xero.replies[USERS] = replace(whole, records=whole.records[:1], unreadable=(broken,))
    later(service, Mode.RECONCILE)
    assert failures(service) == [("UnreadableRecord", "users:user-2", FailureState.QUARANTINED)]
    service.xero.replies[USERS] = replace(whole, records=whole.records[:1])
    later(service, Mode.RECONCILE)
    assert counts(service)["account_user"] == 1
    assert [state for _, _, state in failures(service)] == [FailureState.RESOLVED]


@pytest.mark.parametrize("gone", ["employee", "timesheet", "leave_application", "pay_run"])
def test_it_is_told_whose_records_are_gone(service: InMemoryService, gone: str) -> None:
    service.slice()
    names = {"employee": "employee-1", "timesheet": "sheet-1", "leave_application": "leave-1"}
    request = detail(Resource(gone), names.get(gone, "run-3"))
    service.xero.fail(request, RecordNotFound("none"))
    with service.database.transaction(CLINIC) as stores:
        stores.payroll.doubt(service.connection().id, request)
    service.database.outbox.events.clear()
    later(service)
    told = [one.employees for one in said(service, PayrollChanged) if isinstance(one, PayrollChanged)]
    assert "employee-1" in told[-1]


def test_a_payslip_that_xero_has_no_more_is_noted_as_missing_in_its_run(service: InMemoryService) -> None:
    slip = detail(Resource.PAYSLIP, "run-1-slip-1")
    service.xero.fail(slip, RecordNotFound("none"))
    assert service.slice() is SliceOutcome.DONE
    subject = "pay_run:run-1:PayRunDoesNotTie"
    assert failures(service) == [("PayRunDoesNotTie", subject, FailureState.QUARANTINED)]
    told = [one.pay_runs for one in said(service, PayrollChanged) if isinstance(one, PayrollChanged)]
    assert "run-1" in told[-1]


def test_a_pay_run_that_its_payslips_do_not_add_up_to_is_noted_until_they_do(
    service: InMemoryService,
) -> None:
    run = detail(Resource.PAY_RUN, "run-3")
    whole = service.xero.details[run]
    assert isinstance(whole, PayRunDetail)
    service.xero.details[run] = replace(whole, payslips=whole.payslips[:1])
    service.slice()
    [(error, subject, state)] = failures(service)
    assert (error, state) == ("PayRunDoesNotTie", FailureState.QUARANTINED)
    assert "run-3" in subject
    service.xero.details[run] = whole
    service.database.pass_time(HOUR)
    service.sync()
    assert [state for _, _, state in failures(service)] == [FailureState.RESOLVED]
