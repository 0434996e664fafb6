"""What Xero lets us ask, in PostgreSQL: one row a tenant, and one for the app as a whole."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection as Session
from sqlalchemy import text

from domain.model.budget import DAY, MINUTE, Budget, Window
from domain.model.ids import TenantId

GET = text("""
SELECT minute_limit, minute_remaining, minute_resets_at, day_limit, day_remaining, day_resets_at
  FROM allie_xero.tenant_budget WHERE tenant_id = :tenant_id FOR UPDATE
""")

GET_APP = text("SELECT minute_limit, minute_remaining, minute_resets_at FROM allie_xero.app_budget")

SAVE = text("""
INSERT INTO allie_xero.tenant_budget
       (tenant_id, minute_limit, minute_remaining, minute_resets_at, day_limit, day_remaining, day_resets_at)
VALUES (:tenant_id, :minute_limit, :minute_remaining, :minute_resets_at, :day_limit, :day_remaining,
        :day_resets_at)
ON CONFLICT (tenant_id) DO UPDATE
   SET minute_limit = excluded.minute_limit, minute_remaining = excluded.minute_remaining,
       minute_resets_at = excluded.minute_resets_at, day_limit = excluded.day_limit,
       day_remaining = excluded.day_remaining, day_resets_at = excluded.day_resets_at
""")

SAVE_APP = text("""
INSERT INTO allie_xero.app_budget AS a (minute_limit, minute_remaining, minute_resets_at)
VALUES (:limit, :remaining, :resets_at)
ON CONFLICT ("only") DO UPDATE
   SET minute_limit = greatest(a.minute_limit, excluded.minute_limit),
       minute_remaining = CASE
           WHEN a.minute_resets_at <= clock_timestamp()
           THEN least(a.minute_limit - greatest(0, :calls),
                      CASE WHEN excluded.minute_resets_at > clock_timestamp()
                           THEN excluded.minute_remaining END)
           ELSE least(a.minute_remaining - :calls, excluded.minute_remaining) END,
       minute_resets_at = CASE
           WHEN a.minute_resets_at <= clock_timestamp() THEN excluded.minute_resets_at
           WHEN excluded.minute_remaining <= 0 THEN greatest(a.minute_resets_at, excluded.minute_resets_at)
           ELSE coalesce(a.minute_resets_at, excluded.minute_resets_at) END
""")


class PostgresCallBudget:
    """
    See `domain.ports.CallBudget`.

    Xero counts by organisation, whichever clinic holds it, so a tenant's row names no clinic. The app's row
    is shared by every connection, so it is only ever moved by differences and never held across a call.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def get_for_update(self, tenant_id: TenantId) -> Budget:
        """One tenant's budget as of now, locked."""
        budget = Budget.unknown()
        row = self._session.execute(GET, {"tenant_id": tenant_id}).one_or_none()
        if row is not None:
            minute = Window(length=MINUTE, limit=row[0], remaining=row[1], resets_at=row[2])
            day = Window(length=DAY, limit=row[3], remaining=row[4], resets_at=row[5])
            budget = replace(budget, minute=minute, day=day)
        app = self._session.execute(GET_APP).one_or_none()
        if app is not None:
            window = Window(length=MINUTE, limit=app[0], remaining=app[1], resets_at=app[2])
            budget = replace(budget, app=window)
        return budget.at(self._now)

    def save(self, tenant_id: TenantId, budget: Budget, *, app_calls: int = 0) -> None:
        """Keep it; `app_calls` is how many of the app's calls were reserved, or given back if negative."""
        self._session.execute(
            SAVE,
            {
                "tenant_id": tenant_id,
                "minute_limit": budget.minute.limit,
                "minute_remaining": budget.minute.remaining,
                "minute_resets_at": budget.minute.resets_at,
                "day_limit": budget.day.limit,
                "day_remaining": budget.day.remaining,
                "day_resets_at": budget.day.resets_at,
            },
        )
        self._session.execute(
            SAVE_APP,
            {
                "limit": budget.app.limit,
                "remaining": budget.app.remaining,
                "resets_at": budget.app.resets_at,
                "calls": app_calls,
            },
        )
