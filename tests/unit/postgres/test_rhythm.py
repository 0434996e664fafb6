"""When a connection is looked at without being asked."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.work import Rhythm
from domain.model.connection import Region
from domain.model.ids import ConnectionId

ZONES = {
    Region.AU: timedelta(hours=10),
    Region.NZ: timedelta(hours=12),
    Region.UK: timedelta(),
}
"""Standard time of where most clinics are."""


@pytest.mark.parametrize("region", Region)
@pytest.mark.parametrize("hour", range(24))
def test_everything_is_compared_at_night_and_once_a_day(region: Region, hour: int) -> None:
    now = datetime(2026, 11, 14, hour, 30, tzinfo=UTC)
    for number in range(50):
        at = Rhythm().next_reconcile(now, ConnectionId(number), region)
        assert 0 <= (at + ZONES[region]).hour < 5
        assert timedelta(hours=6) < at - now <= timedelta(hours=30)
        again = Rhythm().next_reconcile(at, ConnectionId(number), region)
        assert again - at == timedelta(days=1)


def test_connections_are_spread_over_the_night() -> None:
    now = datetime(2026, 11, 14, tzinfo=UTC)
    hours = {Rhythm().next_reconcile(now, ConnectionId(one), Region.UK).hour for one in range(100)}
    assert hours == {0, 1, 2, 3, 4}
