"""
One clinic floods the service, or Xero hangs whenever it is read: the others hardly notice.

On a simulated clock: how long events and calls take is assumed, who is let through when is the real thing.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush

import pytest

from builders import make_header, make_request
from domain.errors import XeroUnavailable
from domain.messages import RunSlice
from domain.model.ids import ClinicId
from domain.model.sync import Request
from fakes.service import InMemoryService, make_service

CLINICS, THREADS, PREFETCH = 100, 8, 16
SECOND = timedelta(seconds=1)
TICK = SECOND
EVENT_TAKES = timedelta(milliseconds=3)
CALL_TAKES = timedelta(milliseconds=200) / 4
HANG_TAKES = timedelta(seconds=25)
EVERY = timedelta(milliseconds=370)
"""How often one of the well-behaved clinics asks, in turn."""

BAD = ClinicId("clinic-bad")


@dataclass
class Fleet:
    """A worker process, a dispatcher and what they are sent, moment by moment."""

    service: InMemoryService = field(default_factory=make_service)
    events: deque[ClinicId] = field(default_factory=deque)
    slices: deque[RunSlice] = field(default_factory=deque)
    free_at: list[datetime] = field(default_factory=list)
    asked_at: dict[ClinicId, datetime] = field(default_factory=dict)
    delays: list[timedelta] = field(default_factory=list)
    slices_of: Counter[ClinicId] = field(default_factory=Counter)
    hangs: bool = False

    def __post_init__(self) -> None:
        self.clock = self.service.database.clock
        self.service.xero.meanwhile = self._meanwhile
        self.working_on = BAD
        for number in range(CLINICS - 1):
            self.service.connect(f"clinic-{number}", f"tenant-{number}", user=f"user-{number}")
        self.service.connect(BAD, "tenant-bad", user="user-bad")
        for _ in range(120):
            self._tick()
            self._work()
            self.clock.move(SECOND)
        self.delays.clear()

    def _meanwhile(self, _request: Request) -> None:
        if self.hangs and self.working_on == BAD:
            raise XeroUnavailable("no answer in time")

    def live(self, how_long: timedelta, *, flood: int = 0) -> timedelta:
        """Clinics ask in turn; one of them sends a flood in the first second. The others' p95 delay."""
        begun = self.clock()
        turn = 0
        while self.clock() < begun + how_long:
            if self.clock() >= begun + turn * EVERY:
                self._ask(ClinicId(f"clinic-{(turn * 37) % (CLINICS - 1)}"))
                turn += 1
            if flood:
                self.events.extend([BAD] * flood)
                flood = 0
            if (self.clock() - begun) % TICK < EVENT_TAKES:
                self._tick()
            self._work()
            self.clock.move(EVENT_TAKES)
        waits = sorted(self.delays)
        return waits[len(waits) * 95 // 100]

    def _ask(self, clinic: ClinicId) -> None:
        self.asked_at[clinic] = self.clock()
        self.events.append(clinic)

    def _tick(self) -> None:
        self.slices += [one for one in self.service.due() if isinstance(one, RunSlice)]

    def _work(self) -> None:
        """Give every thread that is free something to do: events and slices in turn, as both are fetched."""
        while self.free_at and self.free_at[0] <= self.clock():
            heappop(self.free_at)
        while len(self.free_at) < THREADS and (self.events or self.slices):
            if self.events:
                heappush(self.free_at, self.clock() + self._next_event())
            if self.slices and len(self.free_at) < THREADS:
                heappush(self.free_at, self.clock() + self._slice(self.slices.popleft()))

    def _next_event(self) -> timedelta:
        """Work an event, and be done with the same wish of the same clinic among those fetched with it."""
        clinic = self.events.popleft()
        fetched = [self.events.popleft() for _ in range(min(PREFETCH, len(self.events)))]
        self.events.extendleft(reversed([one for one in fetched if one != clinic]))
        header = make_header(f"event-{clinic}-{self.clock()}-{len(self.events)}")
        self.service.request_sync(make_request(clinic_id=clinic, header=header))
        return EVENT_TAKES

    def _slice(self, job: RunSlice) -> timedelta:
        """Run a slice, and hold its lease for as long as its calls take."""
        xero = self.service.xero
        self.working_on = job.clinic_id
        asked = len(xero.requests)
        self.service.run_slice(job)
        self.slices_of[job.clinic_id] += 1
        if job.clinic_id in self.asked_at and job.clinic_id != BAD:
            self.delays.append(self.clock() - self.asked_at.pop(job.clinic_id))
        is_stuck = self.hangs and job.clinic_id == BAD
        takes = HANG_TAKES if is_stuck else CALL_TAKES * (len(xero.requests) - asked) + EVENT_TAKES
        states = self.service.database.syncs.states
        held_until = self.clock() + takes
        states[job.connection_id] = replace(states[job.connection_id], lease_until=held_until)
        return takes


FOR = timedelta(minutes=1)


@pytest.fixture(scope="module")
def healthy() -> timedelta:
    return Fleet().live(FOR)


def test_ten_thousand_events_of_one_clinic_slow_the_others_by_less_than_a_fifth(healthy: timedelta) -> None:
    fleet = Fleet()
    assert fleet.live(FOR, flood=10_000) < healthy * 1.2
    assert 1 <= fleet.slices_of[BAD] < 20


def test_a_clinic_that_hangs_slows_the_others_by_less_than_a_fifth(healthy: timedelta) -> None:
    fleet = Fleet()
    fleet.hangs = True
    fleet.events.append(BAD)
    assert fleet.live(FOR) < healthy * 1.2
    assert fleet.slices_of[BAD] >= 2
