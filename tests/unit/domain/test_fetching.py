from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from builders import NOW, make_reply
from domain.asking import Asking
from domain.errors import (
    AccessExpired,
    AccessForbidden,
    AnswerUnreadable,
    ClientRejected,
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
from domain.model.budget import IN_FLIGHT, Budget, Lane, LimitsSeen
from domain.model.ids import SourceId
from domain.model.plans import AU, NZ
from domain.model.streams import Plan, Resource
from domain.model.sync import DetailRequest, Fetched, Reply, Request
from domain.slices.fetching import SPARE, Gate, fetch
from fakes.clock import FakeClock

Answer = Callable[[Request], Reply]

BATCH_TIME = timedelta(seconds=10)


class Source:
    """Answers as a test says, each time after so many calls, and counts."""

    def __init__(self, answer: Answer = lambda _request: make_reply(), *, calls: int = 1) -> None:
        self.answer = answer
        self.calls = calls
        self.asked: list[Request] = []
        self.sent: list[Request] = []
        self.beside: list[int] = []
        self.in_flight = 0

    def ask(self, request: Request) -> Asking[Reply]:
        self.asked.append(request)
        self.beside.append(self.in_flight)
        self.in_flight += 1
        try:
            for _ in range(self.calls):
                self.sent.append(request)
                yield
            return self.answer(request)
        finally:
            self.in_flight -= 1


def requests(count: int, resource: Resource = Resource.PAYSLIP) -> list[Request]:
    return [DetailRequest(resource, SourceId(str(number))) for number in range(count)]


def gate(
    granted: int = 60,
    budget: Budget | None = None,
    *,
    clock: FakeClock | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Gate:
    return Gate(
        budget or Budget.unknown(),
        Lane.FRESH,
        NOW,
        granted,
        lasts=BATCH_TIME,
        clock=clock or FakeClock(),
        stopping=stopping,
    )


def fetched(
    source: Source,
    wanted: Sequence[Request],
    through: Gate,
    *,
    plan: Plan = AU,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Fetched]:
    return fetch(source, plan, wanted, through, meanwhile=meanwhile)


def run(source: Source, through: Gate, count: int = 20) -> list[Reply | ServiceError]:
    return [one.result for one in fetched(source, requests(count), through)]


def test_everything_is_asked_for_once_and_given_in_its_order() -> None:
    source = Source()
    came = fetched(source, requests(20), gate())
    assert [one.request for one in came] == requests(20)
    assert sorted(source.asked, key=str) == sorted(requests(20), key=str)


def test_after_the_first_answer_four_calls_are_in_flight_and_never_five() -> None:
    source = Source()
    assert len(run(source, gate(), 20)) == 20
    assert source.beside == [0, 0, 1, 2] + [IN_FLIGHT - 1] * 16


def test_calls_of_one_detail_wait_for_each_other_and_nothing_waits_for_them() -> None:
    source = Source(calls=2)
    came = fetched(source, requests(4), gate())
    assert [one.request for one in came] == requests(4)
    first, second, third, fourth = requests(4)
    assert source.sent == [first, first, second, third, fourth, second, third, fourth]


@pytest.mark.parametrize("used", [0, 9, 29, 30, 31, 59])
def test_a_limit_that_is_halved_without_notice_costs_one_refusal(used: int) -> None:
    """The source's minute holds sixty calls; at some point, in the middle of a batch, thirty."""
    made, refused = 0, 0

    def count(_request: Request) -> Reply:
        nonlocal made, refused
        limit = 60 if made < used else 30
        if made >= limit:
            refused += 1
            raise RateLimited(Limit.MINUTE, timedelta(seconds=40))
        made += 1
        return make_reply(limits=LimitsSeen(minute=max(0, limit - made)))

    run(Source(count), gate(), 60)
    assert refused <= 1


def test_no_more_calls_are_made_than_were_granted_and_the_last_only_when_let() -> None:
    source = Source()
    through = gate(granted=7)
    assert len(run(source, through, 20)) == len(source.asked) == 6
    through.let_last()
    assert len(run(source, through, 20)) == 1
    assert len(source.asked) == 7


def test_no_call_is_made_that_the_last_answer_and_those_in_flight_do_not_leave_room_for() -> None:
    left = 9

    def count_down(_request: Request) -> Reply:
        nonlocal left
        left -= 1
        return make_reply(limits=LimitsSeen(minute=max(0, left)))

    source = Source(count_down)
    through = gate(budget=Budget.unknown().seen(LimitsSeen(minute=9), NOW))
    assert len(run(source, through, 40)) == 8
    assert through.budget.minute.remaining == 1


def test_a_call_waits_for_answers_in_flight_that_may_leave_room_for_it() -> None:
    through = gate(budget=Budget.unknown().seen(LimitsSeen(minute=2), NOW))
    new_window = Source(lambda _: make_reply(limits=LimitsSeen(minute=50)))
    assert len(run(new_window, through, 6)) == 6


def test_a_limit_that_another_app_user_eats_is_kept_to() -> None:
    """Every answer says that two calls are gone: somebody else asks too."""
    left = 20

    def count_down(_request: Request) -> Reply:
        nonlocal left
        left -= 2
        return make_reply(limits=LimitsSeen(minute=max(0, left)))

    source = Source(count_down)
    run(source, gate(budget=Budget.unknown().seen(LimitsSeen(minute=20), NOW)), 40)
    assert len(source.asked) <= 10 + IN_FLIGHT


HALTING = [
    AccessExpired("no"),
    AccessForbidden("no"),
    ClientRejected("no"),
    RateLimited(Limit.MINUTE, timedelta(seconds=9)),
    WrongTenant("other"),
    XeroUnavailable("away"),
]
PASSING = [
    RecordNotFound("none"),
    RequestRefused("no", status=400),
    ScopeMissing("no"),
    AnswerUnreadable("html"),
]


@pytest.mark.parametrize("error", HALTING, ids=repr)
def test_an_error_that_every_call_would_meet_ends_the_batch(error: ServiceError) -> None:
    def fail(_request: Request) -> Reply:
        raise error

    source = Source(fail)
    results = run(source, gate(), 40)
    assert 1 <= len(results) <= IN_FLIGHT
    assert set(map(type, results)) == {type(error)}


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_an_error_of_one_record_does_not(error: ServiceError) -> None:
    def fail_some(request: Request) -> Reply:
        if isinstance(request, DetailRequest) and int(request.source_id) % 3 == 0:
            raise error
        return make_reply()

    results = run(Source(fail_some), gate(), 20)
    assert len(results) == 20
    assert sum(result is error for result in results) == 7


def test_a_429_empties_the_budget_that_it_names() -> None:
    def fail(_request: Request) -> Reply:
        raise RateLimited(Limit.DAY, timedelta(hours=2))

    through = gate()
    run(Source(fail), through)
    assert through.budget.day.remaining == 0
    assert through.budget.day.resets_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize("error", [*HALTING, *PASSING], ids=repr)
def test_what_xero_answers_with_an_error_is_counted_too(
    error: ServiceError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third call of a detail fails; a refusal by a limit is the only answer that Xero does not count."""
    monkeypatch.setattr(error, "calls", 3)

    def fail(_request: Request) -> Reply:
        raise error

    through = gate()
    [_] = fetched(Source(fail), requests(1, Resource.EMPLOYEE), through, plan=NZ)
    counted = 2 if isinstance(error, RateLimited) else 3
    assert through.budget.day.remaining == 1_000 - counted
    assert through.budget.app.remaining == 10_000 - counted


def test_what_an_error_says_is_left_is_believed() -> None:
    error = RecordNotFound("none")
    error.limits = LimitsSeen(minute=7, day=900)

    def fail(_request: Request) -> Reply:
        raise error

    through = gate()
    run(Source(fail), through, 1)
    assert (through.budget.minute.remaining, through.budget.day.remaining) == (7, 900)


def test_a_bug_ends_the_batch_and_is_raised_and_nothing_stays_under_way() -> None:
    def fail_after_some(_request: Request) -> Reply:
        if len(source.asked) > IN_FLIGHT:
            raise ZeroDivisionError
        return make_reply()

    source = Source(fail_after_some)
    with pytest.raises(ZeroDivisionError):
        run(source, gate(), 40)
    assert len(source.asked) <= 2 * IN_FLIGHT
    assert source.in_flight == 0


def test_a_process_that_is_told_to_end_begins_no_more_calls() -> None:
    source = Source()
    run(source, gate(stopping=lambda: len(source.asked) >= 3), 40)
    assert 3 <= len(source.asked) <= 3 + IN_FLIGHT


def test_after_its_time_a_batch_begins_no_more_calls() -> None:
    clock = FakeClock()

    def take_a_while(_request: Request) -> Reply:
        clock.move(BATCH_TIME / 5)
        return make_reply()

    source = Source(take_a_while)
    run(source, gate(clock=clock), 40)
    assert 5 <= len(source.asked) <= 5 + IN_FLIGHT


def test_what_is_learnt_is_dated_by_the_databases_clock() -> None:
    behind = FakeClock(NOW - timedelta(days=3))
    through = gate(clock=behind)
    run(Source(lambda _: make_reply(limits=LimitsSeen(minute=59))), through, 1)
    assert through.budget.minute.resets_at == NOW + timedelta(minutes=1)


def test_a_detail_of_several_calls_counts_them_all() -> None:
    source = Source(lambda _: make_reply(calls=3))
    through = gate(granted=10)
    came = fetched(source, requests(9, Resource.EMPLOYEE), through, plan=NZ)
    assert (len(came), through.calls) == (3, 9)


def test_a_pay_run_of_many_pages_is_not_begun_where_they_would_not_fit() -> None:
    """A run of a thousand staff is ten calls, so two of them fit into what is left of the minute."""
    left = 29

    def count_down(_request: Request) -> Reply:
        nonlocal left
        left -= 10
        return make_reply(calls=10, limits=LimitsSeen(minute=left))

    through = gate(budget=Budget.unknown().seen(LimitsSeen(minute=left), NOW))
    source = Source(count_down, calls=10)
    came = fetched(source, requests(9, Resource.PAY_RUN), through, plan=NZ.sized(1_000))
    assert (len(came), through.calls, left) == (2, 20, 9)


def test_what_was_reserved_for_pages_that_there_were_not_is_used() -> None:
    through = gate(granted=31)
    source = Source(lambda _: make_reply(calls=2), calls=2)
    came = fetched(source, requests(20, Resource.PAY_RUN), through, plan=NZ.sized(1_000))
    assert (len(came), through.calls) == (11, 22)


@pytest.mark.parametrize("granted", [1, 2, 15])
def test_what_is_larger_than_the_whole_minute_is_made_alone(granted: int) -> None:
    through = gate(granted, Budget.unknown().seen(LimitsSeen(minute=granted), NOW))
    source = Source(lambda _: make_reply(calls=20), calls=20)
    came = fetched(source, requests(3, Resource.PAY_RUN), through, plan=NZ.sized(2_000))
    assert len(came) == (1 if granted > SPARE else 0)


def test_what_is_spared_is_there_although_a_pay_run_had_more_pages_than_any_before_it() -> None:
    through = gate(granted=6)
    source = Source(lambda _: make_reply(calls=9), calls=9)
    assert len(fetched(source, requests(3, Resource.PAY_RUN), through, plan=NZ)) == 1
    through.let_last()
    whose = Source()
    assert len(run(whose, through, 3)) == len(whose.asked) == 1


def test_between_calls_there_is_time_for_something_else_which_may_end_the_batch() -> None:
    def object_(source: Source) -> None:
        if len(source.sent) == 7:
            raise Fenced

    source = Source(calls=10)
    with pytest.raises(Fenced):
        fetched(source, requests(2), gate(), meanwhile=lambda: object_(source))
    assert (len(source.sent), source.in_flight) == (7, 0)
