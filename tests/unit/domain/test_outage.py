from datetime import datetime, timedelta

import pytest

from builders import NOW
from domain.model.ids import ConnectionId
from domain.model.outage import ENOUGH, PAUSE, Outage

LATER = NOW + timedelta(minutes=10)
ONES = [ConnectionId(number) for number in range(1, 200)]


def away(now: datetime = NOW) -> Outage:
    outage = Outage()
    for one in ONES[:ENOUGH]:
        outage = outage.failed(one, now)
    return outage


def test_one_connections_trouble_is_no_outage() -> None:
    outage = Outage()
    for _ in range(10):
        outage = outage.failed(ONES[0], NOW)
    assert not outage.is_on
    assert outage.wait_until(ONES[1], NOW, urgent=False) is None


def test_several_connections_in_a_row_are() -> None:
    assert away().is_on
    assert not Outage().failed(ONES[0], NOW).failed(ONES[1], NOW).is_on


def test_who_may_ask_when() -> None:
    outage = away()
    assert outage.wait_until(ONES[0], NOW, urgent=True) == NOW + PAUSE
    assert outage.wait_until(ONES[0], NOW + PAUSE, urgent=False) is None
    asked = outage.asked(NOW + PAUSE)
    assert asked.wait_until(ONES[1], NOW + PAUSE, urgent=True) == NOW + 2 * PAUSE


@pytest.mark.parametrize(
    ("since", "spread"),
    [(timedelta(minutes=10), timedelta(minutes=16)), (timedelta(hours=9), timedelta(minutes=64))],
)
def test_what_waits_is_spread_over_as_long_as_the_outage_lasted(since: timedelta, spread: timedelta) -> None:
    now = NOW + since
    outage = away().asked(now)
    waits = sorted(wait - now for one in ONES if (wait := outage.wait_until(one, now, urgent=False)))
    assert len(waits) == len(ONES)
    assert waits[0] >= PAUSE
    assert waits[-1] <= PAUSE + spread
    tenths = [sum(1 for wait in waits if wait - PAUSE < spread * (step + 1) / 10) for step in range(10)]
    assert all(
        abs(count - 0.1 * (step + 1) * len(ONES)) < 0.15 * len(ONES) for step, count in enumerate(tenths)
    )


def test_it_began_with_the_first_silence() -> None:
    assert away().failed(ONES[-1], LATER).began_at == NOW
