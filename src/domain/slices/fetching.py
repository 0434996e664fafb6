"""Fetch a batch: a few calls in flight, and never one more than Xero's last answer allows."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.asking import Asking
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

SPARE = 1
"""Calls that a batch leaves, if it can, to ask afterwards whose answers those were."""

HALTING = (AccessExpired, AccessForbidden, ClientRejected, RateLimited, WrongTenant, XeroUnavailable)
"""Errors after which the next call would only fail the same way."""


class Gate:
    """
    Lets a call through if the budget, as of the last answer, covers it and everything in flight.

    `granted` calls were reserved, and no more are made; `spare` of them only at the end. A request that may
    take more than all of them is made alone. After `lasts` none is begun. `now` is the database's time when
    the gate was made; the clock only measures what has passed since.
    """

    def __init__(
        self,
        budget: Budget,
        lane: Lane,
        now: datetime,
        granted: int,
        *,
        spare: int = SPARE,
        lasts: timedelta,
        clock: Clock,
        stopping: Stopping,
    ) -> None:
        self.budget = budget
        self.granted = granted
        self.calls = 0
        self._lane = lane
        self._allowed = granted
        self._spare = spare
        self._most = max(1, granted - spare)
        self._clock = clock
        self._stopping = stopping
        self._offset = now - clock()
        self._closes_at = clock() + lasts
        self._is_last = False
        self._in_flight = 0
        self._has_answer = False
        self._is_open = True

    def admits(self, calls: int) -> bool:
        """Whether a request of so many calls may be made now, beside those in flight."""
        if self._is_shut() or self._left() < min(calls, self._most):
            return False
        # The first of a batch goes alone, to see.
        return not self._in_flight or (self._has_answer and self.budget.may_overlap(self._in_flight))

    def enter(self, calls: int) -> Budget:
        """A request is made; gives the budget as known then."""
        self._in_flight += calls
        self.calls += calls
        return self.budget

    def leave(self, calls: int, made: Budget, result: Reply | ServiceError) -> None:
        """Learn from an answer."""
        self._in_flight -= calls
        self.calls += result.calls - calls
        self._has_answer = True
        now = self._clock() + self._offset
        counted = result.calls - isinstance(result, RateLimited)  # a call that is refused is not
        self.budget = self.budget.seen(result.limits or LimitsSeen(), now, made=made, calls=counted)
        if isinstance(result, RateLimited):
            self.budget = self.budget.exhausted(result.limit, result.retry_after, now)
        if isinstance(result, HALTING):
            self._is_open = False

    def let_last(self) -> None:
        """
        The batch is over: let through what it has spared, so that what came can be kept.

        That is there also where requests took more calls than was thought.
        """
        self._is_last = True
        self._allowed = max(self.granted, self.calls + self._spare)

    def _is_shut(self) -> bool:
        is_over = not self._is_open or self._stopping() or self._clock() >= self._closes_at
        return is_over and not self._is_last

    def _left(self) -> int:
        left = min(self.budget.available(self._lane) - self._in_flight, self._allowed - self.calls)
        return left if self._is_last else left - self._spare


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A request of which a call is on its way; `made` is the budget as it was then."""

    number: int
    request: Request
    calls: int
    made: Budget
    asking: Asking[Reply]

    def go_on(self) -> Reply | ServiceError | None:
        """To its next call, None then; or to what came of it."""
        try:
            next(self.asking)
        except StopIteration as end:
            reply: Reply = end.value
            return reply
        except ServiceError as error:
            return error
        return None


def fetch(
    source: PayrollSource,
    plan: Plan,
    requests: Sequence[Request],
    gate: Gate,
    *,
    meanwhile: Callable[[], None],
) -> list[Fetched]:
    """
    What came of each request that was made, in their order; those the gate held back are left out.

    `meanwhile` runs before each call and each answer; what it raises ends this.
    """
    waiting = deque(enumerate(requests))
    under_way: deque[_UnderWay] = deque()
    came: dict[int, Fetched] = {}
    try:
        while waiting or under_way:
            meanwhile()
            if len(under_way) < IN_FLIGHT and waiting and gate.admits(plan.calls_for(waiting[0][1].resource)):
                one = _begun(source, plan, *waiting.popleft(), gate)
            elif under_way:
                one = under_way.popleft()
            else:
                waiting.popleft()
                continue
            result = one.go_on()
            if result is None:
                under_way.append(one)
            else:
                gate.leave(one.calls, one.made, result)
                came[one.number] = Fetched(one.request, result)
    finally:  # where this ends early, nobody waits for the others any more
        for one in under_way:
            one.asking.close()
    return [came[number] for number in sorted(came)]


def _begun(source: PayrollSource, plan: Plan, number: int, request: Request, gate: Gate) -> _UnderWay:
    calls = plan.calls_for(request.resource)
    return _UnderWay(number, request, calls, gate.enter(calls), source.ask(request))
