"""Rows whose time has come, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection as Session
from sqlalchemy import text

from adapters.postgres.pauses import IS_PAUSED
from domain.messages import ErasePayroll, FinishDisconnect, Job, KeepAlive, RunSlice, WorkReplay
from domain.model.connection import Region
from domain.model.ids import ClinicId, ConnectionId, ReplayId, share
from domain.model.plans import PLANS
from domain.model.streams import Stream
from domain.model.sync import SCHEDULE, Mode
from domain.model.tokens import UNUSED_TERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """
    How often things are looked at without being asked.

    Each connection has its own place within an interval, so that a thousand of them do not start together.
    """

    changes: timedelta = timedelta(hours=1)
    reconcile: timedelta = timedelta(days=1)
    keep_alive: timedelta = timedelta(days=1)
    unresolved: timedelta = timedelta(seconds=95)

    def next_changes(self, now: datetime, connection_id: ConnectionId) -> datetime:
        """When to look for changes next."""
        return now + self.changes * (0.9 + 0.2 * share(connection_id))

    def next_reconcile(self, now: datetime, connection_id: ConnectionId, region: Region) -> datetime:
        """When to compare everything next: once a day, in the first five hours of the country's night."""
        night = now.replace(hour=PLANS[region].night, minute=0, second=0, microsecond=0)
        at = night + timedelta(hours=5) * share(connection_id)
        while at <= now + self.reconcile / 4:
            at += self.reconcile
        return at


PAUSED = IS_PAUSED.format(clinic_id="sync_state.clinic_id")

SLICES = text(f"""
WITH due AS (
    SELECT connection_id FROM allie_xero.sync_state
     WHERE due_at <= clock_timestamp()
       AND (work_claimed_until IS NULL OR work_claimed_until < clock_timestamp())
       AND NOT {PAUSED}
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
     ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE allie_xero.sync_state s SET work_claimed_until = clock_timestamp() + interval '1 minute'
  FROM due WHERE s.connection_id = due.connection_id
RETURNING s.clinic_id, s.connection_id, (
    SELECT y.traceparent FROM allie_xero.sync y
     WHERE y.connection_id = s.connection_id AND y.state IN ('running', 'queued')
     ORDER BY y.id LIMIT 1
) AS traceparent
""")  # noqa: S608

REFRESHES = text("""
WITH due AS (
    SELECT c.id FROM allie_xero.credential c JOIN allie_xero.connection n ON n.id = c.connection_id
     WHERE c.state = 'live' AND n.status <> 'disconnected'
       AND (c.cooldown_until IS NULL OR c.cooldown_until < clock_timestamp())
       AND (c.obtained_at < clock_timestamp() - CAST(:keep_alive AS interval)
            OR c.intent_at < clock_timestamp() - CAST(:unresolved AS interval))
       AND (c.work_claimed_until IS NULL OR c.work_claimed_until < clock_timestamp())
     ORDER BY c.intent_at NULLS LAST, c.obtained_at LIMIT :limit FOR UPDATE OF c SKIP LOCKED
)
UPDATE allie_xero.credential c SET work_claimed_until = clock_timestamp() + interval '1 minute'
  FROM due WHERE c.id = due.id
RETURNING c.clinic_id, c.connection_id
""")

REVOCATIONS = text("""
WITH due AS (
    SELECT id FROM allie_xero.credential
     WHERE state = 'revocation_pending'
       AND (work_claimed_until IS NULL OR work_claimed_until < clock_timestamp())
     ORDER BY revoke_by LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE allie_xero.credential c SET work_claimed_until = clock_timestamp() + interval '1 minute'
  FROM due WHERE c.id = due.id
RETURNING c.clinic_id, c.connection_id
""")

LAPSED = text("""
WITH due AS (
    SELECT id FROM allie_xero.credential
     WHERE state = 'pending' AND obtained_at <= clock_timestamp() - CAST(:unused_term AS interval)
       AND (work_claimed_until IS NULL OR work_claimed_until < clock_timestamp())
     ORDER BY obtained_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE allie_xero.credential c SET work_claimed_until = clock_timestamp() + interval '1 minute'
  FROM due WHERE c.id = due.id
RETURNING c.clinic_id, c.connection_id
""")

ERASURES = text("""
WITH due AS (
    SELECT id FROM allie_xero.connection
     WHERE erase_at <= clock_timestamp() AND erased_at IS NULL AND status = 'disconnected'
       AND (work_claimed_until IS NULL OR work_claimed_until < clock_timestamp())
     ORDER BY erase_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE allie_xero.connection c SET work_claimed_until = clock_timestamp() + interval '1 minute'
  FROM due WHERE c.id = due.id
RETURNING c.clinic_id, c.id AS connection_id
""")

REPLAYS = text("""
WITH due AS (
    SELECT id FROM allie_xero.replay_item
     WHERE due_at <= clock_timestamp() AND state IN ('released', 'started')
     ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE allie_xero.replay_item i SET due_at = clock_timestamp() + interval '1 minute'
      FROM due WHERE i.id = due.id
    RETURNING i.clinic_id, i.replay_id
)
SELECT DISTINCT clinic_id, replay_id FROM claimed ORDER BY replay_id, clinic_id
""")

PERIODIC = text(f"""
SELECT s.connection_id, s.clinic_id, c.region, s.reconcile_at <= now() AS is_reconcile, now() AS now
  FROM allie_xero.sync_state s JOIN allie_xero.connection c ON c.id = s.connection_id
 WHERE c.status = 'active' AND least(s.changes_at, s.reconcile_at) <= now()
   AND NOT {IS_PAUSED.format(clinic_id="s.clinic_id")}
 ORDER BY least(s.changes_at, s.reconcile_at) LIMIT :limit FOR UPDATE OF s SKIP LOCKED
""")  # noqa: S608

QUEUE = text("""
INSERT INTO allie_xero.sync AS s (connection_id, clinic_id, mode, streams, state, requested_by, requested_at)
VALUES (:connection_id, :clinic_id, :mode, :streams, 'queued', :requested_by, now())
ON CONFLICT (connection_id) WHERE state = 'queued' DO UPDATE
   SET mode = CASE WHEN s.mode = 'changes' THEN excluded.mode ELSE s.mode END,
       streams = excluded.streams, requested_at = excluded.requested_at
""")

NEXT = text("""
UPDATE allie_xero.sync_state
   SET due_at = coalesce(due_at, now()), changes_at = :changes_at,
       reconcile_at = CASE WHEN :is_reconcile THEN CAST(:reconcile_at AS timestamptz) ELSE reconcile_at END
 WHERE connection_id = :connection_id
""")


class PostgresWorkStore:
    """See `domain.ports.WorkStore`."""

    def __init__(self, session: Session, rhythm: Rhythm) -> None:
        self._session = session
        self._rhythm = rhythm

    def due(self, limit: int) -> Sequence[Job]:
        """Claim due work for a minute; whoever asks next gets other work."""
        jobs: list[Job] = []
        for query, job in (
            (REVOCATIONS, FinishDisconnect),
            (LAPSED, FinishDisconnect),
            (REFRESHES, KeepAlive),
            (SLICES, RunSlice),
            (ERASURES, ErasePayroll),
        ):
            values = {
                "limit": limit,
                "keep_alive": self._rhythm.keep_alive,
                "unresolved": self._rhythm.unresolved,
                "unused_term": UNUSED_TERM,
            }
            wanted = {name: values[name] for name in query.compile().params}
            jobs += [job(**row) for row in self._session.execute(query, wanted).mappings()]
        replays = self._session.execute(REPLAYS, {"limit": limit})
        return jobs + [WorkReplay(ClinicId(row.clinic_id), ReplayId(row.replay_id)) for row in replays]

    def queue_periodic(self, limit: int) -> int:
        """Queue the syncs and reconciles whose interval is over; give how many."""
        rows = self._session.execute(PERIODIC, {"limit": limit}).all()
        for row in rows:
            mode = Mode.RECONCILE if row.is_reconcile else Mode.CHANGES
            connection_id = ConnectionId(row.connection_id)
            which = {"connection_id": connection_id, "clinic_id": row.clinic_id}
            self._session.execute(
                QUEUE, {**which, "mode": mode, "streams": list(Stream), "requested_by": SCHEDULE}
            )
            self._session.execute(
                NEXT,
                {
                    "connection_id": connection_id,
                    "is_reconcile": row.is_reconcile,
                    "changes_at": self._rhythm.next_changes(row.now, connection_id),
                    "reconcile_at": self._rhythm.next_reconcile(row.now, connection_id, Region(row.region)),
                },
            )
        return len(rows)
