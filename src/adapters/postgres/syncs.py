"""Passes, scans and leases, in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from adapters.postgres.pauses import IS_PAUSED
from adapters.postgres.work import Rhythm
from domain.errors import Fenced
from domain.model.connection import Connection
from domain.model.ids import ClinicId, ConnectionId, SyncId
from domain.model.streams import Resource, Stream
from domain.model.sync import SCHEDULE, Lease, Mode, Scan, Sync, Tally

QUEUED = text("SELECT * FROM allie_xero.sync WHERE connection_id = :id AND state = 'queued' FOR UPDATE")

IS_REQUESTED = text("""
SELECT EXISTS (SELECT FROM allie_xero.sync
                WHERE connection_id = :id AND state IN ('queued', 'running')
                  AND requested_by IS DISTINCT FROM :schedule)
""")

RUNNING = text("SELECT * FROM allie_xero.sync WHERE connection_id = :id AND state = 'running'")

QUEUE = text("""
INSERT INTO allie_xero.sync
       (connection_id, clinic_id, mode, streams, state, requested_by, traceparent, requested_at)
VALUES (:connection_id, :clinic_id, :mode, :streams, 'queued', :requested_by, :traceparent, :now)
""")

# What was read between two wishes is not fresh enough for the later one.
MERGE = text("""
UPDATE allie_xero.sync
   SET mode = :mode, streams = :streams, requested_at = :now,
       requested_by = coalesce(:requested_by, requested_by),
       traceparent = coalesce(:traceparent, traceparent)
 WHERE id = :id
""")

# A connection that is being backed off, or worked on, is not hurried: its own `due_at` comes soon enough.
MAKE_DUE = text("""
INSERT INTO allie_xero.sync_state AS s (connection_id, clinic_id, due_at, changes_at, reconcile_at)
VALUES (:connection_id, :clinic_id, :now, :changes_at, :reconcile_at)
ON CONFLICT (connection_id) DO UPDATE
   SET due_at = CASE WHEN s.attempts > 0 THEN coalesce(s.due_at, :now) ELSE :now END,
       changes_at = coalesce(s.changes_at, excluded.changes_at),
       reconcile_at = coalesce(s.reconcile_at, excluded.reconcile_at)
""")

LEASE = text(f"""
UPDATE allie_xero.sync_state s
   SET lease_epoch = s.lease_epoch + 1, attempts = s.attempts + 1, work_claimed_until = NULL,
       lease_until = clock_timestamp() + :lease,
       due_at = clock_timestamp()
                + greatest(:lease, least(power(2, least(s.attempts, 10)) * interval '5 s', interval '15 min'))
  FROM allie_xero.connection c
 WHERE s.connection_id = :id AND c.id = s.connection_id AND c.status = 'active'
   AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp())
   AND NOT {IS_PAUSED.format(clinic_id="s.clinic_id")}
RETURNING s.clinic_id, s.lease_epoch, s.attempts, c.generation
""")  # noqa: S608

WAKE = text("""
UPDATE allie_xero.sync_state SET due_at = :now
 WHERE connection_id = :id AND (lease_until IS NULL OR lease_until < clock_timestamp())
""")

DOUBT_LIST = text("""
INSERT INTO allie_xero.scan AS s (connection_id, resource, clinic_id, sync_id, page)
SELECT connection_id, :resource, clinic_id, id, 1 FROM allie_xero.sync
 WHERE connection_id = :id AND state = 'queued'
ON CONFLICT (connection_id, resource) DO UPDATE
   SET sync_id = excluded.sync_id, begun_at = NULL, page = 1, watermark = NULL, head = NULL, since = NULL,
       mark = NULL
""")

KEEP = text("""
UPDATE allie_xero.sync_state s
   SET lease_until = clock_timestamp() + :lease,
       attempts = CASE WHEN :survived THEN 1 ELSE s.attempts END,
       due_at = CASE WHEN :survived THEN clock_timestamp() + :lease ELSE s.due_at END
  FROM (SELECT id FROM allie_xero.connection
         WHERE id = :id AND generation = :generation AND status = 'active' FOR SHARE) c
 WHERE s.connection_id = c.id AND s.lease_epoch = :epoch
""")

RELEASE = text("""
UPDATE allie_xero.sync_state
   SET lease_until = NULL, attempts = CASE WHEN :failed THEN :attempt ELSE 0 END,
       due_at = CASE WHEN :in_part AND CAST(:due_at AS timestamptz) IS NOT NULL
                     THEN least(:due_at, changes_at, reconcile_at) ELSE :due_at END
 WHERE connection_id = :id AND lease_epoch = :epoch
""")

SCANS = text("SELECT * FROM allie_xero.scan WHERE connection_id = :id")

SAVE_SCAN = text("""
INSERT INTO allie_xero.scan
       (connection_id, resource, clinic_id, watermark, finished_at, fault, attempted_at, sync_id, begun_at,
        page, head, since, mark)
SELECT id, :resource, clinic_id, :watermark, :finished_at, :fault, :attempted_at, :sync_id, :begun_at,
       :page, :head, :since, :mark
  FROM allie_xero.connection WHERE id = :connection_id
ON CONFLICT (connection_id, resource) DO UPDATE
   SET watermark = excluded.watermark, finished_at = excluded.finished_at, fault = excluded.fault,
       attempted_at = excluded.attempted_at, sync_id = excluded.sync_id, begun_at = excluded.begun_at,
       page = excluded.page, head = excluded.head, since = excluded.since, mark = excluded.mark
""")

TALLY = text("UPDATE allie_xero.sync SET tallies = :tallies WHERE id = :id").bindparams(
    bindparam("tallies", type_=JSONB)
)

USE = text("""
INSERT INTO allie_xero.usage AS u (connection_id, month, clinic_id, calls, wire_bytes)
SELECT id, date_trunc('month', now() AT TIME ZONE 'UTC'), clinic_id, :calls, :wire_bytes
  FROM allie_xero.connection WHERE id = :id
ON CONFLICT (connection_id, month) DO UPDATE
   SET calls = u.calls + excluded.calls, wire_bytes = u.wire_bytes + excluded.wire_bytes
""")

START = text("UPDATE allie_xero.sync SET state = 'running', started_at = :now WHERE id = :id")

FINISH = text("UPDATE allie_xero.sync SET state = 'finished', finished_at = :now WHERE id = :id")

BACKFILLED = text("""
UPDATE allie_xero.sync_state SET backfilled_at = :now WHERE connection_id = :id AND backfilled_at IS NULL
""")

STOP = text("""
WITH stopped AS (
    UPDATE allie_xero.sync SET state = 'stopped', finished_at = :now
     WHERE connection_id = :id AND state IN ('queued', 'running')
)
UPDATE allie_xero.sync_state
   SET due_at = NULL, changes_at = NULL, reconcile_at = NULL, lease_until = NULL,
       lease_epoch = lease_epoch + 1
 WHERE connection_id = :id
""")

# now(), as the index knows nothing of a time that moves on.
FORGET = text("""
DELETE FROM allie_xero.sync WHERE id IN (
    SELECT id FROM allie_xero.sync WHERE finished_at < now() - CAST(:kept AS interval)
     ORDER BY finished_at LIMIT :limit)
""")


class PostgresSyncStore:
    """See `domain.ports.SyncStore`."""

    def __init__(self, session: Session, now: datetime, lease: timedelta, rhythm: Rhythm) -> None:
        self._session = session
        self._now = now
        self._lease = lease
        self._rhythm = rhythm

    def request(
        self,
        connection: Connection,
        *,
        mode: Mode,
        streams: frozenset[Stream],
        requested_by: str | None,
        traceparent: str | None,
    ) -> bool:
        """Queue a pass, or merge it with the one queued; make it due now. True if it was merged."""
        assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
        values = {"connection_id": connection.id, "clinic_id": connection.clinic_id, "now": self._now}
        self._session.execute(
            MAKE_DUE,
            {
                **values,
                "changes_at": self._rhythm.next_changes(self._now, connection.id),
                "reconcile_at": self._rhythm.next_reconcile(
                    self._now, connection.id, connection.tenant.region
                ),
            },
        )
        queued = self._session.execute(QUEUED, {"id": connection.id}).mappings().one_or_none()
        if queued is not None:
            both = Mode(queued["mode"]).merged(mode)
            union = sorted(set(queued["streams"]) | streams)
            merged = {"id": queued["id"], "mode": both, "streams": union, "now": self._now}
            self._session.execute(MERGE, {**merged, "requested_by": requested_by, "traceparent": traceparent})
            return True
        self._session.execute(
            QUEUE,
            {
                **values,
                "mode": mode,
                "streams": sorted(streams),
                "requested_by": requested_by,
                "traceparent": traceparent,
            },
        )
        return False

    def lease(self, connection_id: ConnectionId) -> Lease | None:
        """The right to run a slice, if the connection is active, not paused and nobody has it."""
        values = {"id": connection_id, "lease": self._lease}
        row = self._session.execute(LEASE, values).one_or_none()
        if row is None:
            return None
        return Lease(
            connection_id=connection_id,
            clinic_id=ClinicId(row.clinic_id),
            generation=row.generation,
            epoch=row.lease_epoch,
            length=self._lease,
            attempt=row.attempts,
        )

    def wake(self, connection_id: ConnectionId) -> bool:
        """Make it due now, and keep slices off until this transaction ends; False if one is under way."""
        return self._session.execute(WAKE, {"id": connection_id, "now": self._now}).rowcount == 1

    def doubt(self, connection_id: ConnectionId, resource: Resource) -> None:
        """Let the queued pass read this list whole, however lately it was read."""
        self._session.execute(DOUBT_LIST, {"id": connection_id, "resource": resource})

    def keep(self, lease: Lease, *, survived: bool = False) -> None:
        """Hold the lease for longer, and hold off a disconnect until this transaction ends. Raises Fenced."""
        values = {
            "id": lease.connection_id,
            "generation": lease.generation,
            "epoch": lease.epoch,
            "lease": self._lease,
            "survived": survived,
        }
        if self._session.execute(KEEP, values).rowcount != 1:
            raise Fenced("the connection has ended, or somebody else works on it")

    def release(
        self, lease: Lease, due_at: datetime | None, *, failed: bool = False, in_part: bool = False
    ) -> None:
        """Give the lease back; be due again then; with `in_part` at the next look at the latest."""
        values = {"id": lease.connection_id, "epoch": lease.epoch, "attempt": lease.attempt, "due_at": due_at}
        self._session.execute(RELEASE, {**values, "failed": failed, "in_part": in_part})

    def is_requested(self, connection_id: ConnectionId) -> bool:
        """Whether a pass is queued or under way that somebody asked for."""
        values = {"id": connection_id, "schedule": SCHEDULE}
        return bool(self._session.execute(IS_REQUESTED, values).scalar_one())

    def under_way(self, connection_id: ConnectionId) -> Sync | None:
        """The pass under way, with its tallies so far."""
        row = self._session.execute(RUNNING, {"id": connection_id}).mappings().one_or_none()
        return _sync(row) if row is not None else None

    def start_next(self, connection_id: ConnectionId) -> Sync | None:
        """Start the queued pass, if there is one."""
        row = self._session.execute(QUEUED, {"id": connection_id}).mappings().one_or_none()
        if row is None:
            return None
        self._session.execute(START, {"id": row["id"], "now": self._now})
        return replace(_sync(row), started_at=self._now)

    def scans(self, connection_id: ConnectionId) -> Mapping[Resource, Scan]:
        """How far each list has been read."""
        rows = self._session.execute(SCANS, {"id": connection_id}).mappings()
        return {Resource(row["resource"]): _scan(row) for row in rows}

    def save_scan(self, connection_id: ConnectionId, scan: Scan) -> None:
        """Keep a scan's progress."""
        self._session.execute(
            SAVE_SCAN,
            {
                "connection_id": connection_id,
                "resource": scan.resource,
                "watermark": scan.watermark,
                "finished_at": scan.finished_at,
                "fault": scan.fault,
                "attempted_at": scan.attempted_at,
                "sync_id": scan.sync_id,
                "begun_at": scan.begun_at,
                "page": scan.page,
                "head": scan.head,
                "since": scan.since,
                "mark": scan.mark,
            },
        )

    def tally(self, connection_id: ConnectionId, sync: Sync | None, tallies: Mapping[Stream, Tally]) -> None:
        """Add to the pass, and to what the connection has used this month."""
        calls = sum(tally.calls for tally in tallies.values())
        wire_bytes = sum(tally.wire_bytes for tally in tallies.values())
        self._session.execute(USE, {"id": connection_id, "calls": calls, "wire_bytes": wire_bytes})
        if sync is not None:
            total = dict(sync.tallies)
            for stream, tally in tallies.items():
                total[stream] = total[stream].plus(tally) if stream in total else tally
            kept = msgspec.to_builtins(total, str_keys=True)
            self._session.execute(TALLY, {"id": sync.id, "tallies": kept})

    def finish(self, sync: Sync) -> None:
        """The pass is over."""
        self._session.execute(FINISH, {"id": sync.id, "now": self._now})

    def backfilled(self, connection_id: ConnectionId) -> bool:
        """Note that no backfill is left; True if there was some until now."""
        values = {"id": connection_id, "now": self._now}
        return self._session.execute(BACKFILLED, values).rowcount == 1

    def stop(self, connection_id: ConnectionId) -> None:
        """End everything queued or under way: the connection is no longer active."""
        self._session.execute(STOP, {"id": connection_id, "now": self._now})

    def forget(self, kept: timedelta, limit: int) -> int:
        """Delete what was over longer ago."""
        return self._session.execute(FORGET, {"kept": kept, "limit": limit}).rowcount


def _sync(row: RowMapping) -> Sync:
    return Sync(
        id=SyncId(row["id"]),
        connection_id=ConnectionId(row["connection_id"]),
        clinic_id=ClinicId(row["clinic_id"]),
        mode=Mode(row["mode"]),
        streams=frozenset(Stream(one) for one in row["streams"]),
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        requested_by=row["requested_by"],
        traceparent=row["traceparent"],
        tallies=msgspec.convert(row["tallies"], dict[Stream, Tally]),
    )


def _scan(row: RowMapping) -> Scan:
    return Scan(
        resource=Resource(row["resource"]),
        watermark=row["watermark"],
        finished_at=row["finished_at"],
        fault=row["fault"],
        attempted_at=row["attempted_at"],
        sync_id=SyncId(row["sync_id"]) if row["sync_id"] is not None else None,
        begun_at=row["begun_at"],
        page=row["page"],
        head=row["head"],
        since=row["since"],
        mark=row["mark"],
    )
