"""Fetch a batch: a few calls in flight, and never one more than Xero's last answer allows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Condition

from domain.errors import (
    AccessExpired,
    AccessForbidden,
    ClientRejected,
    RateLimited,
    ServiceError,
    WrongTenant,
    XeroUnavailable,
)
from domain.model.budget import IN_FLIGHT, Budget, Lane, LimitsSeen
from domain.model.streams import Plan
from domain.model.sync import Fetched, Reply, Request
from domain.ports import Clock, PayrollSource, Stopping

BATCH_TIME = timedelta(seconds=10)
"""After this no further call of a batch is begun, so that what has come is saved and the lease kept."""

SPARE = 1
"""Calls that a batch leaves, to ask afterwards whose answers those were."""

HALTING = (AccessExpired, AccessForbidden, ClientRejected, RateLimited, WrongTenant, XeroUnavailable)
"""Errors after which the next call would only fail the same way."""


class Gate:
    """
    Lets a call through if the budget, as of the last answer, covers it and everything in flight.

    `granted` calls were reserved, and no more are made; one of them is spared for the end. `now` is the
    database's time when the gate was made; the clock only measures what has passed since.
    """

    def __init__(
        self,
        budget: Budget,
        lane: Lane,
        now: datetime,
        granted: int,
        *,
        clock: Clock,
        stopping: Stopping,
    ) -> None:
        self.budget = budget
        self.granted = granted
        self.calls = 0
        self._lane = lane
        self._clock = clock
        self._stopping = stopping
        self._offset = now - clock()
        self._closes_at = clock() + BATCH_TIME
        self._is_last = False
        self._in_flight = 0
        self._has_answer = False
        self._is_open = True
        self._changed = Condition()

    def enter(self, calls: int) -> Budget | None:
        """Wait for calls in flight if their answers matter; the budget as known, None to stop here."""
        with self._changed:
            while self._is_open and self._in_flight and not self._has_room(calls):
                self._changed.wait()
            if self._is_shut() or self._left() < calls:
                return None
            self._in_flight += calls
            self.calls += calls
            return self.budget

    def leave(self, calls: int, made: Budget, result: Reply | ServiceError | None) -> None:
        """Learn from an answer; None stands for a bug, which stops the batch too."""
        with self._changed:
            self._in_flight -= calls
            self._has_answer = True
            now = self._clock() + self._offset
            if result is not None:
                counted = result.calls - isinstance(result, RateLimited)  # a call that is refused is not
                limits = result.limits or LimitsSeen()
                self.budget = self.budget.seen(limits, now, made=made, calls=counted)
            if isinstance(result, RateLimited):
                self.budget = self.budget.exhausted(result.limit, result.retry_after, now)
            if result is None or isinstance(result, HALTING):
                self._is_open = False
            self._changed.notify_all()

    def let_last(self) -> None:
        """The batch is over: let through what it has spared, so that what came can be kept."""
        self._is_last = True

    def _is_shut(self) -> bool:
        is_over = not self._is_open or self._stopping() or self._clock() >= self._closes_at
        return is_over and not self._is_last

    def _has_room(self, calls: int) -> bool:
        """Whether a call may be made beside those in flight; the first of a batch goes alone, to see."""
        if self._left() < calls:
            return False
        return self._has_answer and self.budget.may_overlap(self._in_flight)

    def _left(self) -> int:
        left = min(self.budget.available(self._lane) - self._in_flight, self.granted - self.calls)
        return left if self._is_last else left - SPARE


def fetch(source: PayrollSource, plan: Plan, requests: Sequence[Request], gate: Gate) -> list[Fetched]:
    """What came of each request that was made, in their order; those the gate held back are left out."""
    waiting = iter([*enumerate(requests)])  # a list's iterator gives each item to one thread only
    came: dict[int, Fetched] = {}

    def work() -> None:
        """One thread's part: request after request, as long as there are any."""
        for number, request in waiting:
            calls = plan.calls_for(request.resource)
            if made := gate.enter(calls):
                came[number] = Fetched(request, _ask(source, request, calls, gate, made))

    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="fetch") as pool:
        threads = [pool.submit(work) for _ in range(min(IN_FLIGHT, len(requests)))]
    for thread in threads:
        thread.result()
    return [came[number] for number in sorted(came)]


def _ask(
    source: PayrollSource, request: Request, calls: int, gate: Gate, made: Budget
) -> Reply | ServiceError:
    result: Reply | ServiceError | None = None
    try:
        result = source.read(request)
    except ServiceError as error:
        result = error
    finally:
        gate.leave(calls, made, result)
    return result
