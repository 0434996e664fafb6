"""What is said of how current things are, and of what is still to come."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.model.backfill import ANSWER_BYTES, Backfill
from domain.model.budget import Budget
from domain.model.freshness import in_words
from domain.model.plans import AU
from domain.model.streams import Resource, Stream
from domain.model.sync import Backlog, Tally

NOW = datetime(2026, 11, 26, 9, 10, tzinfo=UTC)
THREE_YEARS = Backlog(
    fresh={Resource.EMPLOYEE: 30, Resource.PAY_RUN: 1, Resource.PAYSLIP: 30},
    stale={Resource.PAY_RUN: 77},
    payslips_per_run=Decimal(30),
)


def test_a_backfill_is_estimated_in_calls_bytes_and_time_before_it_begins() -> None:
    sample = Tally(calls=30, wire_bytes=24_000)
    found = Backfill.of(THREE_YEARS, AU, Budget.unknown(), NOW, sample=sample)
    assert found.calls_left == 77 + 77 * 30
    assert found.wire_bytes_left == found.calls_left * 800
    assert found.percent == 2
    # 900 a day, of the lowest tier's 1,000: today, tomorrow, and what is left of the third day.
    assert found.ends_at == NOW + timedelta(days=2, minutes=-(-(2_387 - 1_800) // 60))


def test_without_an_answer_to_tell_by_a_typical_one_is_taken() -> None:
    found = Backfill.of(THREE_YEARS, AU, Budget.unknown(), NOW, sample=Tally())
    assert found.wire_bytes_left == found.calls_left * ANSWER_BYTES


def test_a_backfill_that_is_over_has_no_end_to_come() -> None:
    done = Backfill.of(Backlog(fresh={}, stale={}), AU, Budget.unknown(), NOW, sample=Tally())
    assert done == Backfill(percent=100, calls_left=0, wire_bytes_left=0, ends_at=None)


@pytest.mark.parametrize(
    ("stream", "known_to", "checked_at", "is_faulty", "words"),
    [
        (
            Stream.PAY_RUNS,
            date(2026, 11, 14),
            NOW,
            False,
            "pay runs to 14 Nov 2026, checked 26 Nov 2026 09:10 UTC",
        ),
        (Stream.LEAVE, None, NOW, False, "leave, checked 26 Nov 2026 09:10 UTC"),
        (Stream.USERS, None, NOW, True, "users, checked 26 Nov 2026 09:10 UTC; the last look failed"),
        (Stream.TIMESHEETS, None, None, False, "timesheets not read yet"),
    ],
)
def test_freshness_in_words(
    stream: Stream, known_to: date | None, checked_at: datetime | None, *, is_faulty: bool, words: str
) -> None:
    assert in_words(stream, known_to, checked_at, is_faulty=is_faulty) == words
