"""What went wrong, in PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from adapters.postgres.pauses import IN_FORCE
from domain.model.connection import ConnectionStatus, Region
from domain.model.failures import SYNC, Failure, FailureState
from domain.model.ids import ClinicId, ConnectionId, FailureId, ReplayId, SourceId
from domain.model.kept_failure import NEEDS_CONNECTION, FailureQuery, KeptFailure

OPEN = "state NOT IN ('resolved', 'discarded')"

# What needs a connection waits while the clinic has none: see `domain.model.kept_failure`.
STATE = f"""
CASE WHEN f.state NOT IN ('resolved', 'discarded') AND c.status <> 'active'
      AND f.place IN ({", ".join(f"'{one}'" for one in NEEDS_CONNECTION)})
     THEN '{FailureState.PARKED_RECONNECT}' ELSE f.state END
"""

RECORD = text(f"""
WITH kept AS (
    INSERT INTO allie_xero.failure AS f
           (fingerprint, state, error, place, subject, stream, clinic_id, connection_id, context, until,
            event)
    VALUES (:fingerprint, :state, :error, :place, :subject, :stream, :clinic_id, :connection_id, :context,
            :until, :event)
    ON CONFLICT (coalesce(connection_id, 0), place, subject) WHERE {OPEN} DO UPDATE
       SET fingerprint = excluded.fingerprint, state = excluded.state, error = excluded.error,
           stream = excluded.stream, context = excluded.context, until = excluded.until,
           event = coalesce(excluded.event, f.event), attempts = f.attempts + 1, last_seen_at = now()
    RETURNING id, attempts, clinic_id, state, error, context
)
INSERT INTO allie_xero.failure_attempt (failure_id, number, clinic_id, state, error, context)
SELECT id, attempts, clinic_id, state, error, context FROM kept
""").bindparams(bindparam("context", type_=JSONB), bindparam("event", type_=JSONB(none_as_null=True)))  # noqa: S608

RESOLVE = text(f"""
UPDATE allie_xero.failure SET state = 'resolved', settled_at = now(), until = NULL
 WHERE connection_id = :connection_id AND subject = ANY(:subjects) AND {OPEN}
""")  # noqa: S608

RESOLVE_GONE = text(f"""
UPDATE allie_xero.failure SET state = 'resolved', settled_at = now(), until = NULL
 WHERE connection_id = :connection_id AND place = '{SYNC}' AND {OPEN}
   AND split_part(subject, ':', 2) = ANY(:gone)
""")  # noqa: S608

# A failed connect can be worked again only while the tokens that it has brought are held.
KEPT = f"""
SELECT f.*, c.status, c.region, s.paused_until, i.replay_id,
       f.event IS NOT NULL AND EXISTS (
           SELECT FROM allie_xero.connection n
             JOIN allie_xero.credential d ON d.connection_id = n.id AND d.state = 'pending'
            WHERE n.clinic_id = f.clinic_id AND n.status <> 'disconnected' AND n.consent_event = f.subject
       ) AS consent_held
  FROM allie_xero.failure f
  LEFT JOIN allie_xero.connection c ON c.id = f.connection_id
  LEFT JOIN LATERAL (SELECT max(p.until) AS paused_until FROM allie_xero.pause p
                      WHERE {IN_FORCE} AND p.lane IS NULL AND (p.stream IS NULL OR p.stream = f.stream)
                        AND (p.only_clinic IS NULL OR p.only_clinic = f.clinic_id)) s ON true
  LEFT JOIN allie_xero.replay_item i ON i.failure_id = f.id AND i.state IN ('queued', 'released', 'started')
"""  # noqa: S608

FIND = text(f"""
{KEPT}
 WHERE f.{OPEN}
   AND (CAST(:clinic_id AS text) IS NULL OR f.clinic_id = :clinic_id)
   AND (CAST(:stream AS text) IS NULL OR f.stream = :stream)
   AND (CAST(:fingerprint AS text) IS NULL OR f.fingerprint = :fingerprint)
   AND (CAST(:since AS timestamptz) IS NULL OR f.last_seen_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR f.last_seen_at < :until)
   AND (CAST(:ids AS bigint[]) IS NULL OR f.id = ANY(:ids))
 ORDER BY f.id
""")

GET = text(f"{KEPT} WHERE f.id = :id FOR UPDATE OF f")

SETTLE = text("""
UPDATE allie_xero.failure
   SET state = :state, settled_at = now(), until = NULL, settled_by = :by, settled_why = :why
 WHERE id = :id
""")

EXPIRE = text("""
DELETE FROM allie_xero.failure WHERE id IN (
    SELECT id FROM allie_xero.failure WHERE last_seen_at < clock_timestamp() - CAST(:kept AS interval)
     LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


class PostgresFailureStore:
    """See `domain.ports.FailureStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, failure: Failure) -> None:
        """Add a failure, or another attempt of one that is open."""
        self._session.execute(
            RECORD,
            {
                "fingerprint": failure.fingerprint,
                "state": FailureState(failure.state),
                "error": failure.error,
                "place": failure.place,
                "subject": failure.subject,
                "stream": failure.stream,
                "clinic_id": failure.clinic_id,
                "connection_id": failure.connection_id,
                "context": dict(failure.context),
                "until": failure.until,
                "event": failure.event,
            },
        )

    def resolve(self, connection_id: ConnectionId, subjects: Sequence[str]) -> None:
        """What failed has gone well since."""
        self._session.execute(RESOLVE, {"connection_id": connection_id, "subjects": list(subjects)})

    def resolve_gone(self, connection_id: ConnectionId, gone: Collection[SourceId]) -> None:
        """Nothing is wrong any more with records that Xero has no more, by their ids."""
        self._session.execute(RESOLVE_GONE, {"connection_id": connection_id, "gone": list(gone)})

    def find(self, query: FailureQuery) -> Sequence[KeptFailure]:
        """The open failures that are meant, oldest first."""
        values = {
            "clinic_id": query.clinic_id,
            "stream": query.stream,
            "fingerprint": query.fingerprint,
            "since": query.since,
            "until": query.until,
            "ids": list(query.ids) if query.ids is not None else None,
        }
        return [_kept(row) for row in self._session.execute(FIND, values).mappings()]

    def get_for_update(self, failure_id: FailureId) -> KeptFailure | None:
        """One failure in any state, locked."""
        row = self._session.execute(GET, {"id": failure_id}).mappings().one_or_none()
        return _kept(row) if row is not None else None

    def settle(self, failure_id: FailureId, state: FailureState, by: str | None, why: str | None) -> None:
        """It is resolved or discarded."""
        self._session.execute(SETTLE, {"id": failure_id, "state": state, "by": by, "why": why})

    def expire(self, kept: timedelta, limit: int) -> int:
        """Delete failures whose last attempt was longer ago, with their attempts."""
        return self._session.execute(EXPIRE, {"kept": kept, "limit": limit}).rowcount


def failure_of(row: RowMapping | dict[str, Any]) -> Failure:
    """A failure as its row holds it."""
    return Failure(
        state=FailureState(row["state"]),
        error=row["error"],
        place=row["place"],
        subject=row["subject"],
        stream=row["stream"],
        clinic_id=ClinicId(row["clinic_id"]) if row["clinic_id"] else None,
        connection_id=ConnectionId(row["connection_id"]) if row["connection_id"] else None,
        context=row["context"],
        until=row["until"],
        event=row["event"],
    )


def _kept(row: RowMapping) -> KeptFailure:
    return KeptFailure(
        id=FailureId(row["id"]),
        failure=failure_of(row),
        attempts=row["attempts"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        status=ConnectionStatus(row["status"]) if row["status"] else None,
        region=Region(row["region"]) if row["region"] else None,
        consent_held=row["consent_held"],
        paused_until=row["paused_until"],
        replayed_by=ReplayId(row["replay_id"]) if row["replay_id"] else None,
    )
