"""
How many calls may be made now, from what Xero's own headers say.

Xero counts calls per tenant in fixed windows, a minute and a day, whose phase it does not tell
(https://developer.xero.com/documentation/guides/oauth2/limits). Every answer says what is left of the present
window; a window that we saw begin is certainly over one length later.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import Limit

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CROWDED = timedelta(seconds=5)
"""The pause after Xero counted too many calls in flight, for which it gives no advice."""

IN_FLIGHT = 4
"""Calls in flight for one tenant; Xero allows five, and a reconnect's probe may need one."""

SOONEST_DAY = timedelta(minutes=5)
"""The least pause after a day's limit, whatever Xero advises: it was never seen to be over in seconds."""

NIGHT_SHARE = 3
"""One in so many of a day's calls is what a nightly comparison may read again: the rest has its turn too."""

BACKFILL_RESERVE = 10
"""One in so many of a day's calls is left by backfill for fresh data."""


class Lane(StrEnum):
    """What a call is for; fresh data goes first."""

    FRESH = "fresh"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class LimitsSeen:
    """What one answer said is left; None where it did not say."""

    minute: int | None = None
    day: int | None = None
    app_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    One of Xero's counters; `limit` is the most it was seen to hold.

    `has_ended`: the window that was seen is over, and no answer has told of the next.
    """

    length: timedelta
    limit: int
    remaining: int
    resets_at: datetime | None = None
    has_ended: bool = False

    @classmethod
    def full(cls, length: timedelta, limit: int) -> Self:
        """A window nothing is known of yet."""
        return cls(length=length, limit=limit, remaining=limit)

    def at(self, now: datetime) -> Self:
        """The window as it is now: full again, once the last one is certainly over."""
        if self.resets_at is not None and now >= self.resets_at:
            return replace(self, remaining=self.limit, resets_at=None, has_ended=True)
        return self

    def reserved(self, calls: int, now: datetime) -> Self:
        """Calls are about to be made; the first of a window tells when it must be over."""
        return replace(
            self,
            remaining=max(0, self.remaining - calls),
            resets_at=self.resets_at or now + self.length,
        )

    def seen(
        self, remaining: int | None, now: datetime, *, made: "Window | None" = None, calls: int = 1
    ) -> Self:
        """
        What an answer said is left; `made` is the window as it was known when its calls were made.

        Within one of Xero's windows the calls themselves have made it less, in whatever order answers arrive:
        if it is not, the window began anew. The first answer after one has ended tells what the next holds;
        as that may have begun a little earlier, at least half of what was known is still believed. An answer
        that does not say, or never arrived, has still used its calls up.
        """
        if remaining is None:
            return self.reserved(calls, now)
        made = made or self
        is_told = self.resets_at != made.resets_at
        anew = remaining > made.remaining - calls and not is_told
        return type(self)(
            length=self.length,
            limit=max(self.limit // 2 if self.has_ended else self.limit, remaining + 1),
            remaining=remaining if anew else min(self.remaining, remaining),
            resets_at=now + self.length if anew or self.resets_at is None else self.resets_at,
            has_ended=False,
        )

    def exhausted(self, retry_after: timedelta | None, now: datetime, *, soonest: timedelta) -> Self:
        """Xero said no more for a while; where it did not say how long, until the window must be over."""
        wait = max(retry_after, soonest) if retry_after is not None else self.length
        is_known = retry_after is None and self.resets_at is not None
        until = self.resets_at if is_known else now + wait
        return replace(self, remaining=0, resets_at=until)

    def survives_halving(self, in_flight: int) -> bool:
        """Whether everything in flight, and one more call, would fit into half of what it holds."""
        return self.remaining - in_flight > self.limit // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one tenant, and the app as a whole, may still ask."""

    minute: Window
    day: Window
    app: Window

    @classmethod
    def unknown(cls) -> Self:
        """Before the first answer: the lowest tier that Xero documents."""
        return cls(
            minute=Window.full(MINUTE, 60),
            day=Window.full(DAY, 1_000),
            app=Window.full(MINUTE, 10_000),
        )

    def at(self, now: datetime) -> Self:
        """All windows as they are now."""
        return replace(self, minute=self.minute.at(now), day=self.day.at(now), app=self.app.at(now))

    def available(self, lane: Lane) -> int:
        """How many calls may be made at once in this lane."""
        reserve = self.day.limit // BACKFILL_RESERVE if lane is Lane.BACKFILL else 0
        return max(0, min(self.minute.remaining, self.day.remaining - reserve, self.app.remaining))

    def nights(self, calls: int) -> int:
        """Over how many nights so many calls of comparison are shared out."""
        return max(1, -(-calls // max(1, self.day.limit // NIGHT_SHARE)))

    def may_overlap(self, in_flight: int) -> bool:
        """
        Whether a call may be made beside those in flight.

        Xero may cut a limit without notice. In the second half of a window that costs a refusal for every
        call in flight, so there they go one by one; a minute is long enough for that.
        """
        return all(one.survives_halving(in_flight) for one in (self.minute, self.day))

    def wait_until(self, lane: Lane, now: datetime, *, calls: int = 1) -> datetime:
        """When to ask again, given that not so many calls are available."""
        reserve = self.day.limit // BACKFILL_RESERVE if lane is Lane.BACKFILL else 0
        waits = [
            window.resets_at
            for window, floor in ((self.minute, 0), (self.day, reserve), (self.app, 0))
            if window.remaining - floor < calls and window.resets_at is not None
        ]
        return max(waits, default=now + CROWDED)

    def finish_at(self, calls: int, now: datetime) -> datetime:
        """When so many calls of backfill will have been made, if nothing else is asked; never too early."""
        reserve = self.day.limit // BACKFILL_RESERVE
        today = max(0, self.day.remaining - reserve)
        if calls <= today:
            return now + self._minutes(calls)
        days, rest = divmod(calls - today - 1, max(1, self.day.limit - reserve))
        next_day = self.day.resets_at or now + DAY
        return next_day + DAY * days + self._minutes(rest + 1)

    def _minutes(self, calls: int) -> timedelta:
        return MINUTE * -(-calls // self.minute.limit)

    def reserved(self, calls: int, now: datetime) -> Self:
        """Calls are about to be made."""
        return replace(
            self,
            minute=self.minute.reserved(calls, now),
            day=self.day.reserved(calls, now),
            app=self.app.reserved(calls, now),
        )

    def seen(
        self, limits: LimitsSeen, now: datetime, *, made: "Budget | None" = None, calls: int = 1
    ) -> Self:
        """What an answer said is left; `made` is the budget as it was known when its calls were made."""
        made = made or self
        return type(self)(
            minute=self.minute.seen(limits.minute, now, made=made.minute, calls=calls),
            day=self.day.seen(limits.day, now, made=made.day, calls=calls),
            app=self.app.seen(limits.app_minute, now, made=made.app, calls=calls),
        )

    def exhausted(self, limit: Limit, retry_after: timedelta | None, now: datetime) -> Self:
        """A 429: the window it names is empty for as long as Xero says, or one length."""
        match limit:
            case Limit.MINUTE:
                return replace(self, minute=self.minute.exhausted(retry_after, now, soonest=SECOND))
            case Limit.DAY:
                return replace(self, day=self.day.exhausted(retry_after, now, soonest=SOONEST_DAY))
            case Limit.APP_MINUTE:
                return replace(self, app=self.app.exhausted(retry_after, now, soonest=SECOND))
            case Limit.CONCURRENT:
                wait = retry_after or CROWDED
                return replace(self, minute=self.minute.exhausted(wait, now, soonest=SECOND))
