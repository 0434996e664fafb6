"""What Xero lets us ask, in memory: one budget a tenant, and one window for the app."""

from dataclasses import replace

from domain.model.budget import Budget, Window
from domain.model.ids import TenantId
from domain.ports import Clock


class InMemoryCallBudget:
    """See `domain.ports.CallBudget`."""

    def __init__(self, clock: Clock) -> None:
        self.tenants: dict[TenantId, Budget] = {}
        self.app: dict[str, Window] = {}
        self._clock = clock

    def get_for_update(self, tenant_id: TenantId) -> Budget:
        budget = self.tenants.get(tenant_id, Budget.unknown())
        return replace(budget, app=self.app.get("minute", budget.app)).at(self._clock())

    def save(self, tenant_id: TenantId, budget: Budget, *, app_calls: int = 0) -> None:
        self.tenants[tenant_id] = budget
        kept = self.app.get("minute")
        self.app["minute"] = budget.app if kept is None else self._moved(kept, budget.app, app_calls)

    def _moved(self, kept: Window, seen: Window, calls: int) -> Window:
        """The app's window belongs to everybody, so it is moved by differences."""
        now = self._clock()
        resets_at = kept.resets_at or seen.resets_at
        if kept.resets_at is not None and kept.resets_at <= now:
            is_running = seen.resets_at is not None and seen.resets_at > now
            remaining = kept.limit - max(0, calls)
            remaining = min(remaining, seen.remaining) if is_running else remaining
            resets_at = seen.resets_at
        else:
            remaining = min(kept.remaining - calls, seen.remaining)
            if seen.remaining <= 0 and seen.resets_at is not None:
                resets_at = max(resets_at or seen.resets_at, seen.resets_at)
        limit = max(kept.limit, seen.limit)
        return replace(kept, limit=limit, remaining=remaining, resets_at=resets_at)
