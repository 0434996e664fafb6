"""The to-do list: details whose rows are stale, most wanted first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection as Session
from sqlalchemy import TextClause, text

from domain.model.budget import Lane
from domain.model.ids import ConnectionId, SourceId
from domain.model.streams import Resource, Stream
from domain.model.sync import Backlog, DetailRequest

NEWEST = """
SELECT DISTINCT ON (calendar_id) id FROM allie_xero.pay_run
 WHERE connection_id = :id AND deleted_at IS NULL
 ORDER BY calendar_id, payment_date DESC, period_end DESC, id
"""
"""The newest pay run of each calendar."""

RECENT_DAYS = 60
"""How far before the newest timesheet's end others are read at once; those before that are backfill."""

FRESH = f"""
WITH newest AS MATERIALIZED ({NEWEST})
(SELECT 'pay_run' AS resource, id FROM allie_xero.pay_run
  WHERE connection_id = :id AND stale AND payment_date >= :history AND id IN (SELECT id FROM newest)
  ORDER BY payment_date DESC, id LIMIT :limit)
UNION ALL
(SELECT 'employee', id FROM allie_xero.employee WHERE connection_id = :id AND stale ORDER BY id LIMIT :limit)
UNION ALL
(SELECT 'timesheet', id FROM allie_xero.timesheet
  WHERE connection_id = :id AND stale AND period_end > (
        SELECT max(period_end) - {RECENT_DAYS} FROM allie_xero.timesheet
         WHERE connection_id = :id AND deleted_at IS NULL)
  ORDER BY period_start DESC, id LIMIT :limit)
UNION ALL
(SELECT 'leave_application', id FROM allie_xero.leave_application
  WHERE connection_id = :id AND stale ORDER BY start_date DESC, id LIMIT :limit)
UNION ALL
(SELECT 'payslip', id FROM allie_xero.payslip
  WHERE connection_id = :id AND stale AND pay_run_id IN (SELECT id FROM newest)
  ORDER BY payment_date DESC, id LIMIT :limit)
"""  # noqa: S608

HISTORY = """
(SELECT 'pay_run' AS resource, id FROM allie_xero.pay_run
  WHERE connection_id = :id AND stale AND payment_date >= :history
  ORDER BY payment_date DESC, id LIMIT :limit)
UNION ALL
(SELECT 'payslip', id FROM allie_xero.payslip
  WHERE connection_id = :id AND stale AND payment_date >= :history
  ORDER BY payment_date DESC, id LIMIT :limit)
UNION ALL
(SELECT 'timesheet', id FROM allie_xero.timesheet
  WHERE connection_id = :id AND stale AND period_end >= :history
  ORDER BY period_start DESC, id LIMIT :limit)
"""

IS_BACKFILLED = """
(SELECT backfilled_at IS NOT NULL FROM allie_xero.sync_state WHERE connection_id = :id)
"""

BACKLOG = text("""
SELECT 'employee' AS resource, count(*) FILTER (WHERE NOT stale) AS fresh,
       count(*) FILTER (WHERE stale) AS stale
  FROM allie_xero.employee WHERE connection_id = :id AND deleted_at IS NULL
UNION ALL
SELECT 'pay_run', count(*) FILTER (WHERE NOT stale), count(*) FILTER (WHERE stale)
  FROM allie_xero.pay_run WHERE connection_id = :id AND deleted_at IS NULL AND payment_date >= :history
UNION ALL
SELECT 'payslip', count(*) FILTER (WHERE NOT stale), count(*) FILTER (WHERE stale)
  FROM allie_xero.payslip WHERE connection_id = :id AND deleted_at IS NULL AND payment_date >= :history
UNION ALL
SELECT 'timesheet', count(*) FILTER (WHERE NOT stale), count(*) FILTER (WHERE stale)
  FROM allie_xero.timesheet
 WHERE connection_id = :id AND deleted_at IS NULL AND period_end >= :history
""")

PER_RUN = text("""
SELECT coalesce(avg(payslips), (SELECT count(*) FROM allie_xero.employee
                                 WHERE connection_id = :id AND status = 'active' AND deleted_at IS NULL))
  FROM (SELECT count(*) AS payslips FROM allie_xero.payslip
         WHERE connection_id = :id AND deleted_at IS NULL GROUP BY pay_run_id) AS runs
""")

MOST_PER_RUN = text("""
SELECT greatest((SELECT count(*) FROM allie_xero.employee
                  WHERE connection_id = :id AND status = 'active' AND deleted_at IS NULL),
                (SELECT max(payslips) FROM (SELECT count(*) AS payslips FROM allie_xero.payslip
                  WHERE connection_id = :id AND deleted_at IS NULL GROUP BY pay_run_id) AS runs))
""")

KNOWN_TO = text("""
SELECT 'pay_runs' AS stream, max(payment_date) AS day FROM allie_xero.pay_run
 WHERE connection_id = :id AND status = 'posted' AND deleted_at IS NULL
UNION ALL
SELECT 'payslips', max(p.payment_date) FROM allie_xero.payslip p
  JOIN allie_xero.pay_run r ON r.connection_id = p.connection_id AND r.id = p.pay_run_id
 WHERE p.connection_id = :id AND r.status = 'posted' AND NOT p.stale AND p.set_aside_at IS NULL
   AND p.deleted_at IS NULL AND r.deleted_at IS NULL AND r.ties_out
UNION ALL
SELECT 'timesheets', max(period_end) FROM allie_xero.timesheet
 WHERE connection_id = :id AND deleted_at IS NULL
""")


def _wanted(query: str) -> TextClause:
    """The first of these details that do not rest, in the order of the query."""
    return text(
        f"SELECT resource, id FROM ({query}) AS wanted"  # noqa: S608
        " WHERE resource <> ALL(CAST(:but AS text[])) LIMIT :limit"
    )


FRESH_TODO = _wanted(f"{FRESH} UNION ALL SELECT * FROM ({HISTORY}) AS history WHERE {IS_BACKFILLED}")  # noqa: S608
HISTORY_TODO = _wanted(HISTORY)


def todo(
    session: Session,
    connection_id: ConnectionId,
    lane: Lane,
    limit: int,
    *,
    history: date,
    but: Collection[Resource],
) -> Sequence[DetailRequest]:
    """
    The next details of one lane; pay runs paid before `history` are left alone, `but` too.

    History is backfill only until it has been read once; what changes in it afterwards is fresh.
    """
    values = {"id": connection_id, "limit": limit, "history": history, "but": list(but)}
    query = HISTORY_TODO if lane is Lane.BACKFILL else FRESH_TODO
    found = dict.fromkeys((row.resource, row.id) for row in session.execute(query, values).all())
    return [DetailRequest(Resource(resource), SourceId(id_)) for resource, id_ in found]


def backlog(session: Session, connection_id: ConnectionId, history: date) -> Backlog:
    """How much detail there is, and how much of it is stale."""
    counts = session.execute(BACKLOG, {"id": connection_id, "history": history}).all()
    per_run = session.execute(PER_RUN, {"id": connection_id}).scalar_one()
    return Backlog(
        fresh={Resource(row.resource): row.fresh for row in counts},
        stale={Resource(row.resource): row.stale for row in counts},
        payslips_per_run=Decimal(per_run),
    )


def payslips_a_run(session: Session, connection_id: ConnectionId) -> int:
    """How many payslips a pay run may have."""
    return int(session.execute(MOST_PER_RUN, {"id": connection_id}).scalar_one())


def known_to(session: Session, connection_id: ConnectionId) -> Mapping[Stream, date]:
    """How far the dated streams reach; those that hold nothing are left out."""
    found = session.execute(KNOWN_TO, {"id": connection_id})
    return {Stream(row.stream): row.day for row in found if row.day is not None}
