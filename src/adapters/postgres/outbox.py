"""Events to send, in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import msgspec
from sqlalchemy import Connection as Session
from sqlalchemy import bindparam, func, insert, select, text, update

from adapters.postgres.tables import outbox as table
from domain.messages import Envelope, OutboundEvent
from domain.model.ids import ClinicId, EventId

POSTPONE = text("""
UPDATE allie_xero.outbox
   SET attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + least(60, power(2, least(attempts, 6))) * interval '1 second'
 WHERE event_id = :event_id
""")

# Bounded work: it looks at the oldest rows that were sent, not for old rows.
FORGET = text("""
DELETE FROM allie_xero.outbox WHERE id IN (
    SELECT id FROM (SELECT id, sent_at FROM allie_xero.outbox
                     WHERE sent_at IS NOT NULL ORDER BY id LIMIT :limit) AS oldest
     WHERE sent_at < clock_timestamp() - CAST(:kept AS interval))
""")


class PostgresOutbox:
    """See `domain.ports.Outbox`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, event: OutboundEvent, traceparent: str | None = None) -> None:
        """Send it once this transaction has ended well."""
        values = {
            "event_id": str(uuid4()),
            "clinic_id": event.clinic_id,
            "type": event.type,
            "data": msgspec.to_builtins(event, str_keys=True),
            "traceparent": traceparent,
        }
        self._session.execute(insert(table).values(values))

    def claim(self, limit: int) -> Sequence[Envelope]:
        """The oldest unsent events, locked until this transaction ends; others get others."""
        is_due = func.coalesce(table.c.next_attempt_at, table.c.created_at) <= func.clock_timestamp()
        query = (
            select(table)
            .where(table.c.sent_at.is_(None), is_due)
            .order_by(table.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [
            Envelope(
                id=EventId(row.event_id),
                type=row.type,
                clinic_id=ClinicId(row.clinic_id),
                sequence=row.id,
                at=row.created_at,
                data=row.data,
                traceparent=row.traceparent,
            )
            for row in self._session.execute(query)
        ]

    def sent(self, event_ids: Sequence[EventId]) -> None:
        """The broker has them."""
        if event_ids:
            is_mine = table.c.event_id.in_(bindparam("ids", expanding=True))
            statement = update(table).where(is_mine).values(sent_at=func.clock_timestamp())
            self._session.execute(statement, {"ids": list(event_ids)})

    def postpone(self, event_id: EventId) -> None:
        """The broker would not take it; try again later, later each time, within a minute."""
        self._session.execute(POSTPONE, {"event_id": event_id})

    def forget(self, kept: timedelta, limit: int) -> int:
        """Delete what was sent longer ago."""
        return self._session.execute(FORGET, {"kept": kept, "limit": limit}).rowcount
