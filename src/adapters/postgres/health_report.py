"""One screen of how the service is, and what a doctor looks at in the database; rows of plain values."""

from typing import Any

from adapters.postgres.outage import GET as OUTAGE
from adapters.postgres.pauses import IS_PAUSED
from adapters.postgres.reports import Reports, Row
from domain.model.outage import ENOUGH

CONNECTIONS = f"""
SELECT CASE WHEN c.status = 'active' AND {IS_PAUSED.format(clinic_id="c.clinic_id")} THEN 'paused'
            ELSE c.status END AS state, count(*) AS connections
  FROM allie_xero.connection c GROUP BY 1 ORDER BY 1
"""  # noqa: S608

OLDEST = """
SELECT c.clinic_id, min(coalesce(n.finished_at, c.connected_at)) AS fresh_since
  FROM allie_xero.connection c LEFT JOIN allie_xero.scan n ON n.connection_id = c.id
 WHERE c.status = 'active' GROUP BY c.id ORDER BY fresh_since LIMIT 1
"""

BUDGET = """
SELECT CASE WHEN a.minute_resets_at > clock_timestamp() THEN a.minute_remaining
            ELSE a.minute_limit END AS app_calls_left_this_minute, a.minute_limit AS app_calls_a_minute,
       (SELECT count(*) FROM allie_xero.tenant_budget
         WHERE day_remaining <= 0 AND day_resets_at > clock_timestamp()) AS clinics_at_day_limit,
       (SELECT min(CASE WHEN day_resets_at > clock_timestamp() THEN day_remaining ELSE day_limit END)
          FROM allie_xero.tenant_budget) AS fewest_calls_left_today
  FROM (SELECT true) AS always LEFT JOIN allie_xero.app_budget a ON true
"""

WORK = f"""
SELECT count(*) FILTER (WHERE s.lease_until > clock_timestamp()) AS slices_running,
       count(*) FILTER (WHERE s.due_at <= clock_timestamp()
                          AND coalesce(s.lease_until < clock_timestamp(), true)
                          AND NOT {IS_PAUSED.format(clinic_id="s.clinic_id")}) AS slices_due,
       min(s.due_at) FILTER (WHERE s.due_at <= clock_timestamp()
                               AND coalesce(s.lease_until < clock_timestamp(), true)
                               AND NOT {IS_PAUSED.format(clinic_id="s.clinic_id")}) AS slices_due_since,
       (SELECT count(*) FROM allie_xero.sync WHERE state = 'queued') AS syncs_queued,
       (SELECT count(*) FROM allie_xero.sync WHERE state = 'running') AS syncs_running,
       (SELECT count(*) FROM allie_xero.replay WHERE state IN ('running', 'paused', 'awaiting_approval'))
           AS replays_open
  FROM allie_xero.sync_state s
"""  # noqa: S608

OUTBOX = """
SELECT count(*) AS pending, min(created_at) AS oldest, max(attempts) AS most_attempts
  FROM allie_xero.outbox WHERE sent_at IS NULL
"""

SYNCS = """
SELECT id, clinic_id, mode, state, streams, requested_by, requested_at, started_at, finished_at,
       (SELECT coalesce(sum((one.value ->> 'calls')::int), 0) FROM jsonb_each(tallies) AS one) AS calls,
       (SELECT coalesce(sum((one.value ->> 'changed')::int), 0) FROM jsonb_each(tallies) AS one) AS changed
  FROM allie_xero.sync
 WHERE (CAST(:clinic_id AS text) IS NULL OR clinic_id = :clinic_id)
   AND (CAST(:state AS text) IS NULL OR state = :state)
 ORDER BY id {order} LIMIT :limit
"""

EVENTS = """
SELECT event_id, type, clinic_id, created_at, sent_at, attempts, next_attempt_at
  FROM allie_xero.outbox WHERE :sent OR sent_at IS NULL ORDER BY (sent_at IS NULL) DESC, id DESC LIMIT :limit
"""

LOGIN = """
SELECT session_user AS login, clock_timestamp() AS now, rolsuper OR rolbypassrls AS is_above_the_rules,
       array(SELECT substr(r.rolname, 12) FROM pg_roles r
              WHERE r.rolname LIKE 'allie\\_xero\\_%' AND pg_has_role(session_user, r.oid, 'USAGE')
              ORDER BY 1) AS roles,
       current_setting('server_version_num')::int AS version
  FROM pg_roles WHERE rolname = session_user
"""


def state_of(reports: Reports) -> dict[str, Any]:
    """How the service is, but for the broker and the failures."""
    outages = [one for one in reports.ask(OUTAGE.text) if one["failures"] >= ENOUGH]
    return {
        "connections": {row["state"]: row["connections"] for row in reports.ask(CONNECTIONS)},
        "oldest": next(iter(reports.ask(OLDEST)), None),
        "budget": reports.ask(BUDGET)[0],
        "work": reports.ask(WORK)[0],
        "outbox": reports.ask(OUTBOX)[0],
        "xero_away_since": outages[0]["began_at"] if outages else None,
    }


def syncs(
    reports: Reports, clinic_id: str | None, state: str | None, limit: int, *, oldest: bool = False
) -> list[Row]:
    """Passes, newest first; or oldest first."""
    statement = SYNCS.format(order="ASC" if oldest else "DESC")
    return reports.ask(statement, clinic_id=clinic_id, state=state, limit=limit)


def outbox(reports: Reports, limit: int, *, sent: bool) -> list[Row]:
    """Events that wait to be sent, newest first; those that were sent after them, if asked for."""
    return reports.ask(EVENTS, sent=sent, limit=limit)


def login(reports: Reports) -> Row:
    """Who asks, what for, and what the database's clock says."""
    return reports.ask(LOGIN)[0]
