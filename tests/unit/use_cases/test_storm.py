"""Xero answers nothing to anybody for an hour, and is back: nobody storms it, and everybody catches up."""

from collections import Counter
from datetime import datetime, timedelta

from builders import CLINIC
from domain.errors import XeroUnavailable
from domain.messages import KeepAlive, RunSlice
from domain.model.streams import Resource
from domain.model.sync import Request
from fakes.service import InMemoryService, make_service

CLINICS = 60
HOUR = timedelta(hours=1)
TICK = timedelta(seconds=10)
BUCKET = timedelta(minutes=5)


class Fleet:
    """Clinics whose syncs go on by the clock alone; `asked_at` tells when Xero was asked."""

    def __init__(self) -> None:
        self.service: InMemoryService = make_service()
        self.clock = self.service.database.clock
        self.asked_at: list[datetime] = []
        self.is_away = False
        self.service.xero.meanwhile = self._meanwhile

    def _meanwhile(self, _request: Request) -> None:
        self.asked_at.append(self.clock())
        if self.is_away:
            raise XeroUnavailable("503")

    def connect_all(self) -> None:
        """Over an hour, one after the other."""
        for number in range(CLINICS):
            self.service.connect(f"{CLINIC}-{number}", f"tenant-{number}", user=f"user-{number}")
            self.go_on(HOUR / CLINICS)

    def go_on(self, how_long: timedelta) -> list[datetime]:
        """Let the dispatcher tick and the workers work; returns when Xero was asked."""
        before, until = len(self.asked_at), self.clock() + how_long
        while self.clock() < until:
            for job in self.service.due():
                if isinstance(job, RunSlice):
                    self.service.run_slice(job)
                elif isinstance(job, KeepAlive):
                    self.service.keep_alive(job)
            self.clock.move(TICK)
        return self.asked_at[before:]

    def looked_at_since(self, then: datetime) -> int:
        """How many clinics' employees have been compared since then."""
        scans = self.service.database.syncs.kept_scans.items()
        ended = [scan.finished_at for (_, resource), scan in scans if resource is Resource.EMPLOYEES]
        return sum(1 for at in ended if at is not None and at > then)


def busiest(asked_at: list[datetime]) -> int:
    """Calls of the busiest five minutes."""
    return max(Counter((at - asked_at[0]) // BUCKET for at in asked_at).values())


def test_an_hour_of_silence_makes_no_storm() -> None:
    fleet = Fleet()
    fleet.connect_all()
    fleet.go_on(HOUR)
    healthy = fleet.go_on(HOUR)

    fleet.is_away = True
    silent = fleet.go_on(HOUR)
    fleet.is_away = False
    back_at = fleet.clock()
    after = fleet.go_on(2 * HOUR)

    assert len(silent) <= 1.1 * len(healthy)
    assert busiest([*silent, *after]) <= 2 * busiest(healthy)
    assert fleet.looked_at_since(back_at) == CLINICS
