from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW
from domain.errors import Limit
from domain.model.budget import (
    BACKFILL_RESERVE,
    CROWDED,
    DAY,
    MINUTE,
    SECOND,
    SOONEST_DAY,
    Budget,
    Lane,
    LimitsSeen,
    Window,
)

HOUR = timedelta(hours=1)
FULL = Window.full(MINUTE, 60)


def test_a_window_nothing_is_known_of_is_full() -> None:
    assert (FULL.limit, FULL.remaining, FULL.resets_at) == (60, 60, None)
    assert FULL.at(NOW) == FULL


def test_the_first_calls_of_a_window_tell_when_it_must_be_over() -> None:
    first = FULL.reserved(10, NOW)
    assert (first.remaining, first.resets_at) == (50, NOW + MINUTE)
    second = first.reserved(5, NOW + 30 * SECOND)
    assert (second.remaining, second.resets_at) == (45, NOW + MINUTE)


def test_no_more_than_everything_can_be_reserved() -> None:
    assert FULL.reserved(61, NOW).remaining == 0


def test_a_window_is_full_again_once_it_is_certainly_over() -> None:
    used = FULL.reserved(60, NOW)
    assert used.at(NOW + MINUTE - SECOND) == used
    assert used.at(NOW + MINUTE) == replace(FULL, has_ended=True)


def test_an_answer_may_say_that_less_is_left_than_was_thought() -> None:
    seen = FULL.reserved(1, NOW).seen(30, NOW)
    assert (seen.limit, seen.remaining, seen.resets_at) == (60, 30, NOW + MINUTE)


def test_an_answer_that_overtook_another_does_not_give_calls_back() -> None:
    window = FULL.reserved(1, NOW).seen(50, NOW)
    assert window.seen(53, NOW, made=replace(window, remaining=54)).remaining == 50


def test_an_answer_that_leaves_as_much_as_before_is_the_first_of_a_new_window() -> None:
    window = FULL.seen(59, NOW)
    later = NOW + 30 * SECOND
    anew = window.seen(59, later, made=window)
    assert (anew.remaining, anew.resets_at) == (59, later + MINUTE)
    late = anew.seen(57, later + SECOND, made=window).seen(58, later + SECOND, made=window)
    assert (late.remaining, late.resets_at) == (57, later + MINUTE)


def test_a_call_that_leaves_more_is_the_first_seen_of_a_new_window() -> None:
    window = FULL.reserved(1, NOW).seen(10, NOW)
    anew = window.seen(59, NOW + 20 * SECOND)
    assert (anew.remaining, anew.resets_at) == (59, NOW + 20 * SECOND + MINUTE)


def test_an_answer_that_says_nothing_has_used_its_calls_up() -> None:
    assert FULL.seen(None, NOW, calls=3) == FULL.reserved(3, NOW)


def test_the_most_a_window_was_seen_to_hold_is_its_limit() -> None:
    window = Window.full(DAY, 1_000).seen(4_999, NOW)
    assert (window.limit, window.remaining) == (5_000, 4_999)
    assert window.seen(10, NOW).limit == 5_000


def test_the_first_answer_starts_a_window_that_was_not_known_to_run() -> None:
    assert FULL.seen(59, NOW).resets_at == NOW + MINUTE


def test_an_empty_window_is_empty_until_xero_says() -> None:
    window = FULL.exhausted(17 * SECOND, NOW, soonest=SECOND)
    assert (window.remaining, window.resets_at) == (0, NOW + 17 * SECOND)
    assert window.at(NOW + 17 * SECOND).remaining == 60


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 60))
def test_a_window_never_holds_less_than_nothing_or_more_than_its_limit(seen: list[int], calls: int) -> None:
    window = FULL
    for number, remaining in enumerate(seen):
        window = window.seen(remaining, NOW + number * SECOND).reserved(calls, NOW + number * SECOND)
        window = window.at(NOW + number * SECOND)
        assert 0 <= window.remaining <= window.limit


UNKNOWN = Budget.unknown()


def test_before_the_first_answer_the_lowest_tier_counts() -> None:
    assert (UNKNOWN.minute.limit, UNKNOWN.day.limit, UNKNOWN.app.limit) == (60, 1_000, 10_000)
    assert UNKNOWN.available(Lane.FRESH) == UNKNOWN.available(Lane.BACKFILL) == 60


@pytest.mark.parametrize(
    ("seen", "fresh", "backfill"),
    [
        (LimitsSeen(minute=7), 7, 7),
        (LimitsSeen(day=50), 50, 0),
        (LimitsSeen(day=103), 59, 3),
        (LimitsSeen(day=0), 0, 0),
        (LimitsSeen(app_minute=5), 5, 5),
        (LimitsSeen(minute=29, day=499, app_minute=4_999), 29, 29),
        (LimitsSeen(minute=0, day=4_000, app_minute=9_999), 0, 0),
    ],
)
def test_the_tightest_window_counts_and_backfill_leaves_a_reserve_of_the_day(
    seen: LimitsSeen, fresh: int, backfill: int
) -> None:
    budget = UNKNOWN.seen(seen, NOW)
    assert (budget.available(Lane.FRESH), budget.available(Lane.BACKFILL)) == (fresh, backfill)


def test_reserved_calls_count_in_every_window() -> None:
    budget = UNKNOWN.reserved(9, NOW)
    assert (budget.minute.remaining, budget.day.remaining, budget.app.remaining) == (51, 991, 9_991)


@pytest.mark.parametrize(
    ("limit", "wait"),
    [
        (Limit.MINUTE, MINUTE),
        (Limit.DAY, DAY),
        (Limit.APP_MINUTE, MINUTE),
        (Limit.CONCURRENT, CROWDED),
    ],
)
def test_a_429_empties_the_window_it_names_for_as_long_as_xero_says(limit: Limit, wait: timedelta) -> None:
    advised = UNKNOWN.exhausted(limit, HOUR, NOW)
    assert advised.available(Lane.FRESH) == 0
    assert advised.wait_until(Lane.FRESH, NOW) == NOW + HOUR
    silent = UNKNOWN.exhausted(limit, None, NOW)
    assert silent.wait_until(Lane.FRESH, NOW) == NOW + wait
    assert silent.at(NOW + wait).available(Lane.FRESH) > 0


def test_advice_to_come_back_at_once_is_not_taken_by_the_letter() -> None:
    at_once = timedelta()
    assert UNKNOWN.exhausted(Limit.MINUTE, at_once, NOW).wait_until(Lane.FRESH, NOW) == NOW + SECOND
    assert UNKNOWN.exhausted(Limit.DAY, at_once, NOW).wait_until(Lane.FRESH, NOW) == NOW + SOONEST_DAY


def test_without_advice_a_window_that_was_seen_to_begin_is_over_one_length_later() -> None:
    used = UNKNOWN.reserved(1, NOW).seen(LimitsSeen(minute=59, day=999), NOW)
    later = NOW + 23 * HOUR
    assert used.exhausted(Limit.DAY, None, later).wait_until(Lane.FRESH, later) == NOW + DAY


def test_the_first_answer_of_a_window_tells_that_the_tier_was_changed() -> None:
    core = Window.full(DAY, 5_000).reserved(1, NOW).at(NOW + DAY)
    cut = core.seen(2_499, NOW + DAY)
    assert (cut.limit, cut.remaining) == (2_500, 2_499)
    assert cut.seen(2_000, NOW + DAY).limit == 2_500
    assert cut.at(NOW + 2 * DAY).seen(4_999, NOW + 2 * DAY).limit == 5_000


def test_calls_overlap_only_while_a_limit_that_is_halved_would_still_hold_them() -> None:
    budget = UNKNOWN.seen(LimitsSeen(minute=34, day=900), NOW)
    assert [budget.may_overlap(calls) for calls in (1, 2, 3, 4)] == [True, True, True, False]
    assert not UNKNOWN.seen(LimitsSeen(minute=59, day=501), NOW).may_overlap(1)


def test_the_wait_is_for_the_last_window_that_is_empty() -> None:
    budget = UNKNOWN.exhausted(Limit.MINUTE, 5 * SECOND, NOW).exhausted(Limit.DAY, timedelta(hours=3), NOW)
    assert budget.wait_until(Lane.FRESH, NOW) == NOW + timedelta(hours=3)


def test_backfill_waits_for_the_day_when_only_the_reserve_is_left() -> None:
    budget = UNKNOWN.seen(LimitsSeen(day=1_000 // BACKFILL_RESERVE), NOW)
    assert budget.available(Lane.FRESH) == 59
    assert budget.available(Lane.BACKFILL) == 0
    assert budget.wait_until(Lane.BACKFILL, NOW) == NOW + DAY


def test_what_takes_several_calls_waits_for_the_window_that_has_too_few() -> None:
    budget = UNKNOWN.seen(LimitsSeen(minute=40, day=2), NOW)
    assert budget.wait_until(Lane.FRESH, NOW, calls=3) == NOW + DAY
    assert budget.wait_until(Lane.FRESH, NOW, calls=2) == NOW + CROWDED
    budget = UNKNOWN.seen(LimitsSeen(minute=40, day=1_000 // BACKFILL_RESERVE + 2), NOW)
    assert budget.wait_until(Lane.BACKFILL, NOW, calls=3) == NOW + DAY


def test_where_nothing_tells_how_long_to_wait_a_moment_will_do() -> None:
    assert UNKNOWN.wait_until(Lane.FRESH, NOW) == NOW + CROWDED


def test_a_window_that_is_over_is_full_whatever_the_others_are() -> None:
    budget = UNKNOWN.reserved(60, NOW).at(NOW + MINUTE)
    assert (budget.minute.remaining, budget.app.remaining, budget.day.remaining) == (60, 10_000, 940)


@pytest.mark.parametrize(
    ("calls", "takes"),
    [
        (0, timedelta()),
        (59, MINUTE),
        (61, 2 * MINUTE),
        (600, 10 * MINUTE),
        (900, 15 * MINUTE),
        (901, DAY + MINUTE),
        (900 + 60, DAY + MINUTE),
        (900 + 900, DAY + 15 * MINUTE),
        (900 * 10, 9 * DAY + 15 * MINUTE),
    ],
)
def test_backfill_ends_when_the_minutes_and_days_allow(calls: int, takes: timedelta) -> None:
    assert UNKNOWN.finish_at(calls, NOW) - NOW == takes


def test_backfill_that_waits_for_the_day_ends_after_it_begins_anew() -> None:
    budget = UNKNOWN.reserved(1, NOW - 23 * HOUR).seen(LimitsSeen(day=0), NOW)
    assert budget.finish_at(10, NOW) == NOW + HOUR + MINUTE


@pytest.mark.parametrize(
    ("day", "calls", "nights"),
    [(1_000, 0, 1), (1_000, 333, 1), (1_000, 334, 2), (1_000, 780, 3), (5_000, 780, 1)],
)
def test_what_a_night_reads_again_takes_a_third_of_a_day_at_most(day: int, calls: int, nights: int) -> None:
    budget = replace(Budget.unknown(), day=Window.full(DAY, day))
    assert budget.nights(calls) == nights
