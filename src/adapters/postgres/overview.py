"""What operators ask about failures, replays and work under way; answers are rows of plain values."""

from collections.abc import Mapping
from typing import Any

from adapters.postgres.failures import STATE
from adapters.postgres.pauses import IN_FORCE
from adapters.postgres.reports import Reports, Row
from domain.model.kept_failure import FailureQuery

MEANT = """
   AND (CAST(:clinic_id AS text) IS NULL OR f.clinic_id = :clinic_id)
   AND (CAST(:stream AS text) IS NULL OR f.stream = :stream)
   AND (CAST(:fingerprint AS text) IS NULL OR f.fingerprint = :fingerprint)
   AND (CAST(:since AS timestamptz) IS NULL OR f.last_seen_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR f.last_seen_at < :until)
   AND (:all OR f.state NOT IN ('resolved', 'discarded'))
"""

CAUSES = f"""
SELECT fingerprint, state, error, place, stream, count(*) AS failures,
       count(DISTINCT clinic_id) AS clinics, sum(attempts)::bigint AS attempts,
       min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at, max(id) AS newest_id,
       (array_agg(context ORDER BY id DESC))[1] AS context
  FROM (SELECT f.id, f.fingerprint, {STATE} AS state, f.error, f.place, f.stream, f.clinic_id, f.attempts,
               f.first_seen_at, f.last_seen_at, f.context
          FROM allie_xero.failure f LEFT JOIN allie_xero.connection c ON c.id = f.connection_id
         WHERE true {MEANT}) AS meant
 GROUP BY fingerprint, state, error, place, stream
 ORDER BY failures DESC, fingerprint
"""  # noqa: S608

FAILURES = f"""
SELECT f.id, f.clinic_id, f.connection_id, f.fingerprint, {STATE} AS state, f.error, f.place, f.subject,
       f.stream, f.context, f.attempts, f.first_seen_at, f.last_seen_at, f.until, f.settled_at, f.settled_by,
       f.settled_why,
       (SELECT max(i.replay_id) FROM allie_xero.replay_item i
         WHERE i.failure_id = f.id AND i.state = 'succeeded' AND i.settled_at >= f.last_seen_at) AS replay_id,
       f.event ->> 'type' AS event_type, f.event ->> 'id' AS event_id
  FROM allie_xero.failure f LEFT JOIN allie_xero.connection c ON c.id = f.connection_id
 WHERE (CAST(:id AS bigint) IS NULL OR f.id = :id) {MEANT}
 ORDER BY f.id DESC LIMIT :limit
"""  # noqa: S608

ATTEMPTS = """
SELECT number, at, state, error, context, process, version
  FROM allie_xero.failure_attempt WHERE failure_id = :id ORDER BY number DESC LIMIT :limit
"""

REPLAYS = """
SELECT r.id, r.state, r.is_canary, r.operator, r.reason, r.wanted, r.rate, r.created_at, r.ended_at,
       count(i.id) FILTER (WHERE i.state = 'succeeded') AS succeeded,
       count(i.id) FILTER (WHERE i.state = 'failed') AS failed,
       count(i.id) FILTER (WHERE i.state IN ('released', 'started')) AS under_way,
       count(i.id) FILTER (WHERE i.state = 'queued') AS waiting,
       count(i.id) FILTER (WHERE i.state = 'skipped') AS skipped
  FROM allie_xero.replay r LEFT JOIN allie_xero.replay_item i ON i.replay_id = r.id
 WHERE (CAST(:id AS bigint) IS NULL OR r.id = :id)
 GROUP BY r.id ORDER BY r.id DESC LIMIT :limit
"""

NOTES = """
SELECT state, note, count(*) AS failures, count(DISTINCT clinic_id) AS clinics
  FROM allie_xero.replay_item WHERE replay_id = :id GROUP BY state, note ORDER BY failures DESC
"""

AUDIT = """
SELECT at, action, operator, reason, detail, database_user
  FROM allie_xero.replay_audit WHERE replay_id = :id ORDER BY id
"""

PAUSES = f"""
SELECT id, only_clinic AS clinic_id, stream, lane, until, operator, reason, created_at
  FROM allie_xero.pause p WHERE {IN_FORCE} ORDER BY id
"""  # noqa: S608

DAY_LEFT = """
SELECT c.clinic_id, CASE WHEN b.day_resets_at <= clock_timestamp() THEN b.day_limit
                         ELSE b.day_remaining END AS day_left
  FROM allie_xero.connection c JOIN allie_xero.tenant_budget b ON b.tenant_id = c.tenant_id
 WHERE c.status = 'active'
"""


def causes(reports: Reports, query: FailureQuery, *, settled: bool = False) -> list[Row]:
    """Failures by cause and state, the most frequent first."""
    return reports.ask(CAUSES, **_values(query), all=settled)


def failures(
    reports: Reports, query: FailureQuery, *, number: int | None = None, limit: int = 20
) -> list[Row]:
    """Single failures in any state, newest first."""
    return reports.ask(FAILURES, **_values(query), all=True, id=number, limit=limit)


def attempts(reports: Reports, number: int, limit: int = 50) -> list[Row]:
    """Every attempt of one failure, newest first."""
    return reports.ask(ATTEMPTS, id=number, limit=limit)


def replays(reports: Reports, number: int | None = None, limit: int = 20) -> list[Row]:
    """Replays and how far they are, newest first."""
    return reports.ask(REPLAYS, id=number, limit=limit)


def replay_detail(reports: Reports, number: int) -> Mapping[str, Any]:
    """What came of one replay's failures, and who did what."""
    return {"outcomes": reports.ask(NOTES, id=number), "audit": reports.ask(AUDIT, id=number)}


def pauses(reports: Reports) -> list[Row]:
    """What rests now, oldest first."""
    return reports.ask(PAUSES)


def day_left(reports: Reports) -> dict[str, int]:
    """How many calls each connected clinic has left today."""
    return {row["clinic_id"]: row["day_left"] for row in reports.ask(DAY_LEFT)}


def _values(query: FailureQuery) -> dict[str, object]:
    return {
        "clinic_id": query.clinic_id,
        "stream": query.stream,
        "fingerprint": query.fingerprint,
        "since": query.since,
        "until": query.until,
    }
