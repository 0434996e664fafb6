"""
Xero's limits: calls at once, a minute and a day for each organisation, and a minute for the app.

Windows are fixed, and each organisation's start at a time of its own
(https://developer.xero.com/documentation/guides/oauth2/limits).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import blake2b

from simulator.settings import Settings, TenantLimits

_MINUTE, _DAY = 60, 86_400
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that is reached: which, and for how many real seconds still (None if not said)."""

    problem: str
    seconds: float | None


class _Window:
    """Counts calls in a fixed window; what it counted before is forgotten when the next one starts."""

    __slots__ = ("_index", "_phase", "length", "used")

    def __init__(self, length: int, key: str) -> None:
        self.length = length
        self.used = 0
        self._index = -1.0
        seed = int.from_bytes(blake2b(f"{length}{key}".encode(), digest_size=8).digest())
        self._phase = seed % (length * 1000) / 1000

    def at(self, time: float) -> float:
        """Move to the window that holds `time` (in Xero's seconds) and return what is left of it."""
        index, passed = divmod(time + self._phase, self.length)
        if index != self._index:
            self._index, self.used = index, 0
        return self.length - passed


class Limiter:
    """Counts every call, and refuses those beyond the limits."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._app = _Window(_MINUTE, "app")
        self._tenants: dict[str, tuple[_Window, _Window]] = {}

    def refuse_app(self, now: datetime) -> Refusal | None:
        """Count a call of the app; None if it may go on."""
        settings = self._settings()
        left = self._app.at(now.timestamp() * settings.limit_scale)
        if not settings.limits:
            return None
        if self._app.used >= settings.app_minute_limit:
            return Refusal("appminute", left / settings.limit_scale)
        self._app.used += 1
        return None

    def refuse(self, tenant: str, in_flight: int, now: datetime) -> Refusal | None:
        """Count a call for one organisation; None if it may go on."""
        settings = self._settings()
        if not settings.limits:
            return None
        limits, (minute, day) = self._limits(tenant), self._windows(tenant)
        if in_flight > (limits.concurrent or 0):
            return Refusal("concurrent", None)
        time = now.timestamp() * settings.limit_scale
        for window, limit, problem in ((day, limits.day, "day"), (minute, limits.minute, "minute")):
            left = window.at(time)
            if window.used >= (limit or 0):
                return Refusal(problem, left / settings.limit_scale)
        minute.used += 1
        day.used += 1
        return None

    def headers(self, tenant: str | None) -> Headers:
        """What is left; the organisation's own counters only if the call got so far."""
        settings = self._settings()
        headers = [_remaining(b"x-appminlimit-remaining", settings.app_minute_limit, self._app)]
        if tenant is not None:
            limits, (minute, day) = self._limits(tenant), self._windows(tenant)
            headers.append(_remaining(b"x-minlimit-remaining", limits.minute, minute))
            headers.append(_remaining(b"x-daylimit-remaining", limits.day, day))
        return headers

    def refusal_headers(self, refusal: Refusal, now: datetime) -> Headers:
        """The headers that name a refusal and say when to come back."""
        headers = [(b"x-rate-limit-problem", refusal.problem.encode())]
        mode = self._settings().retry_after
        if refusal.seconds is not None and mode != "absent":
            seconds = math.ceil(refusal.seconds)
            if mode == "date":
                mode = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
            headers.append((b"retry-after", (str(seconds) if mode == "seconds" else mode).encode()))
        return headers

    def reset(self) -> None:
        """Forget all counts."""
        self._app.used = 0
        self._tenants.clear()

    def _limits(self, tenant: str) -> TenantLimits:
        settings, own = self._settings(), self._settings().tenant_limits.get(tenant, TenantLimits())
        return TenantLimits(
            concurrent=settings.concurrent_limit if own.concurrent is None else own.concurrent,
            minute=settings.minute_limit if own.minute is None else own.minute,
            day=settings.day_limit if own.day is None else own.day,
        )

    def _windows(self, tenant: str) -> tuple[_Window, _Window]:
        if tenant not in self._tenants:
            self._tenants[tenant] = (_Window(_MINUTE, tenant), _Window(_DAY, tenant))
        return self._tenants[tenant]


def _remaining(name: bytes, limit: int | None, window: _Window) -> tuple[bytes, bytes]:
    return name, b"%d" % max((limit or 0) - window.used, 0)
