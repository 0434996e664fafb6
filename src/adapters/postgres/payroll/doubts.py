"""What Xero has no more, what may have changed without saying so, and what cannot be read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection as Session
from sqlalchemy import Table, TextClause, text

from adapters.postgres.payroll import history, tables
from adapters.postgres.payroll.todo import NEWEST
from domain.model.ids import ConnectionId, SourceId
from domain.model.streams import Resource, Stream
from domain.model.sync import Changes, DetailRequest, ListRequest, Reply, Tally

DETAILS: dict[Resource, tuple[Table, Stream]] = {
    Resource.EMPLOYEE: (tables.employee, Stream.EMPLOYEES),
    Resource.PAY_RUN: (tables.pay_run, Stream.PAY_RUNS),
    Resource.PAYSLIP: (tables.payslip, Stream.PAYSLIPS),
    Resource.TIMESHEET: (tables.timesheet, Stream.TIMESHEETS),
    Resource.LEAVE_APPLICATION: (tables.leave_application, Stream.LEAVE),
}
"""Records that can be asked for one by one: the row of each, and its stream."""


def _items(kind: str) -> "Listed":
    return Listed(tables.pay_item, Stream.SETTINGS, f"kind = '{kind}'")


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A list whose silence about a row means something: the table it fills, and which rows it would show.

    `verify`: a row that is not in this list may be in another, so it is always asked for by itself.
    """

    table: Table
    stream: Stream
    which: str = "true"
    verify: bool = False


LISTED = {
    Resource.USERS: Listed(tables.account_user, Stream.USERS),
    Resource.PAY_ITEMS: Listed(tables.pay_item, Stream.SETTINGS),
    Resource.EARNINGS_RATES: _items("earnings"),
    Resource.DEDUCTIONS: _items("deduction"),
    Resource.LEAVE_TYPES: _items("leave"),
    Resource.REIMBURSEMENTS: _items("reimbursement"),
    Resource.SUPERANNUATIONS: _items("superannuation"),
    Resource.STATUTORY_DEDUCTIONS: _items("statutory_deduction"),
    Resource.BENEFITS: _items("benefit"),
    Resource.EARNINGS_ORDERS: _items("earnings_order"),
    Resource.PAY_CALENDARS: Listed(tables.pay_calendar, Stream.SETTINGS),
    Resource.EMPLOYEES: Listed(tables.employee, Stream.EMPLOYEES, "status = 'active'", verify=True),
    Resource.TERMINATED_EMPLOYEES: Listed(
        tables.employee, Stream.EMPLOYEES, "status = 'terminated'", verify=True
    ),
    Resource.PAY_RUNS: Listed(tables.pay_run, Stream.PAY_RUNS),
    Resource.TIMESHEETS: Listed(tables.timesheet, Stream.TIMESHEETS),
    Resource.LEAVE: Listed(tables.leave_application, Stream.LEAVE),
}

GONE = """
UPDATE {table} SET deleted_at = now(), changed_at = now(){settled}
 WHERE connection_id = :connection_id AND id = ANY(:ids) AND deleted_at IS NULL
RETURNING id, {owner} AS employee_id
"""

GONE_PAYSLIPS = text("""
UPDATE allie_xero.payslip SET deleted_at = now(), changed_at = now(), stale = false
 WHERE connection_id = :connection_id AND pay_run_id = ANY(:ids) AND deleted_at IS NULL
RETURNING id, employee_id
""")

RUNS_OF = text("""
SELECT DISTINCT pay_run_id FROM allie_xero.payslip WHERE connection_id = :connection_id AND id = ANY(:ids)
""")

PAYMENT_DATES = text("""
SELECT id, payment_date FROM allie_xero.pay_run WHERE connection_id = :connection_id AND id = ANY(:ids)
""")

SET_ASIDE = """
UPDATE {table} SET stale = false, set_aside_at = now() WHERE connection_id = :connection_id AND id = :id
"""

DOUBT_NEWEST = text(f"""
WITH newest AS ({NEWEST.replace("WHERE", "WHERE status = 'posted' AND")})
UPDATE allie_xero.pay_run SET stale = true
 WHERE connection_id = :id AND deleted_at IS NULL AND NOT stale
   AND (status = 'draft' OR id IN (SELECT id FROM newest))
""")  # noqa: S608

BATCH = 20_000
"""Rows of one statement: of a large clinic, all of them at once run into the statement's timeout."""

DOUBT_ALL = """
UPDATE {table} SET stale = true WHERE connection_id = :id AND id = ANY(ARRAY(
    SELECT id FROM {table} WHERE connection_id = :id AND deleted_at IS NULL AND NOT stale LIMIT :limit))
"""

ERASE = """
DELETE FROM {table} WHERE connection_id = :id AND ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE connection_id = :id LIMIT :limit))
"""

REOPEN = text("UPDATE allie_xero.sync_state SET backfilled_at = NULL WHERE connection_id = :id")

NOTE_SEEN = text("""
INSERT INTO allie_xero.scan_seen (connection_id, resource, source_id, clinic_id)
SELECT c.id, :resource, one, c.clinic_id
  FROM allie_xero.connection c, unnest(CAST(:ids AS text[])) AS one WHERE c.id = :connection_id
ON CONFLICT DO NOTHING
""")

UNSEEN = """
SELECT t.id FROM {table} t
 WHERE t.connection_id = :connection_id AND t.deleted_at IS NULL AND {which}
   AND t.id <> ALL(CAST(:ids AS text[]))
   AND NOT EXISTS (SELECT FROM allie_xero.scan_seen s WHERE s.connection_id = t.connection_id
                      AND s.resource = :resource AND s.source_id = t.id)
"""

COUNT = (
    "SELECT count(*) FROM {table} t WHERE connection_id = :connection_id AND deleted_at IS NULL AND {which}"
)

HOLDS = """
NOT EXISTS (SELECT FROM unnest(CAST(:{name} AS text[])) AS one WHERE NOT EXISTS (
    SELECT FROM {table} t WHERE t.connection_id = :connection_id AND t.id = one))
"""

DOUBT = """
UPDATE {table} SET stale = true
 WHERE connection_id = :connection_id AND id = ANY(:ids) AND deleted_at IS NULL AND NOT stale
"""

IS_DOUBTED = """
SELECT EXISTS (SELECT FROM {table} WHERE connection_id = :id AND id = :source_id AND stale)
"""

# Who has left is still in runs, and a run changes the leave that is left without moving the employee's stamp.
RECENT = {
    Resource.EMPLOYEE: "(status = 'active' OR end_date > now() - interval '13 months')",
    Resource.PAY_RUN: "(status = 'draft' OR payment_date > now() - interval '13 months')",
}

COUNT_RECENT = "SELECT count(*) FROM {table} WHERE connection_id = :id AND deleted_at IS NULL AND {recent}"

DOUBT_RECENT = """
UPDATE {table} SET stale = true
 WHERE connection_id = :id AND deleted_at IS NULL AND NOT stale AND {recent}
   AND (status = 'draft' OR abs(hashtext(id) % CAST(:parts AS integer)) = :part)
"""

DOUBT_SET_ASIDE = """
UPDATE {table} SET stale = true
 WHERE connection_id = :id AND set_aside_at IS NOT NULL AND deleted_at IS NULL AND NOT stale
"""

FORGET_SEEN = text("""
DELETE FROM allie_xero.scan_seen WHERE connection_id = :connection_id AND resource = :resource
RETURNING source_id
""")


def gone(session: Session, connection_id: ConnectionId, requests: Sequence[DetailRequest]) -> Changes:
    """Mark deleted what Xero has no more."""
    changes = Changes()
    for resource, (table, stream) in DETAILS.items():
        ids = [one.source_id for one in requests if one.resource is resource]
        if ids:
            changes = changes.plus(_delete(session, connection_id, table, stream, ids))
    return changes


def _delete(
    session: Session, connection_id: ConnectionId, table: Table, stream: Stream, ids: Sequence[str]
) -> Changes:
    """
    Mark rows deleted; a pay run takes its payslips with it, and what was posted becomes a correction.

    A run that has lost a payslip only does not tie out any more.
    """
    scope: dict[str, object] = {"connection_id": connection_id}
    values = {**scope, "ids": list(ids)}
    found = [*session.execute(_gone(table), values)]
    tallies = {stream: Tally(gone=len(found))}
    if table is tables.pay_run:
        found += session.execute(GONE_PAYSLIPS, values)
    changes = Changes(
        tallies=tallies,
        employees=frozenset(SourceId(row.employee_id) for row in found if row.employee_id),
        gone=frozenset(SourceId(one) for one in (*ids, *(row.id for row in found))),
    )
    if table not in (tables.pay_run, tables.payslip):
        return changes
    is_run = table is tables.pay_run
    runs = list(ids) if is_run else list(session.execute(RUNS_OF, values).scalars())
    ties = history.tie_out(session, scope, runs)
    history.note_corrections(session, scope, runs)
    dates = session.execute(PAYMENT_DATES, {**scope, "ids": runs})
    return changes.plus(Changes(pay_runs={SourceId(one): day for one, day in dates}, ties=ties))


def _gone(table: Table) -> TextClause:
    """Mark rows of a table deleted, and give them and whose they were; null where they are nobody's."""
    settled = ", stale = false" if "stale" in table.c else ""
    owner = "id" if table is tables.employee else "employee_id" if "employee_id" in table.c else "NULL"
    return text(GONE.format(table=table.fullname, settled=settled, owner=owner))


def set_aside(session: Session, connection_id: ConnectionId, request: DetailRequest) -> None:
    """Do not ask for this detail again until it changes or is replayed."""
    statement = text(SET_ASIDE.format(table=DETAILS[request.resource][0].fullname))
    session.execute(statement, {"connection_id": connection_id, "id": request.source_id})


def doubt(session: Session, connection_id: ConnectionId, request: DetailRequest) -> None:
    """Read this detail again."""
    statement = text(DOUBT.format(table=DETAILS[request.resource][0].fullname))
    session.execute(statement, {"connection_id": connection_id, "ids": [request.source_id]})


def is_doubted(session: Session, connection_id: ConnectionId, request: DetailRequest) -> bool:
    """Whether this detail is yet to be read."""
    query = text(IS_DOUBTED.format(table=DETAILS[request.resource][0].fullname))
    return bool(session.execute(query, {"id": connection_id, "source_id": request.source_id}).scalar())


def doubt_newest(session: Session, connection_id: ConnectionId) -> None:
    """Mark drafts and each calendar's newest posted pay run as stale."""
    session.execute(DOUBT_NEWEST, {"id": connection_id})


def doubt_all(session: Session, connection_id: ConnectionId, details: Collection[Resource]) -> None:
    """Mark every detail of these kinds as stale, and the history as backfill."""
    for resource in details:
        _all(session, connection_id, DOUBT_ALL.format(table=DETAILS[resource][0].fullname))
    session.execute(REOPEN, {"id": connection_id})


def recent(
    session: Session, connection_id: ConnectionId, details: Collection[Resource]
) -> Mapping[Resource, int]:
    """How many staff and runs of thirteen months there are, of these kinds."""
    return {
        one: int(session.execute(_of_recent(COUNT_RECENT, one), {"id": connection_id}).scalar_one())
        for one in RECENT.keys() & details
    }


def _of_recent(query: str, resource: Resource) -> TextClause:
    return text(query.format(table=DETAILS[resource][0].fullname, recent=RECENT[resource]))


def doubt_recent(
    session: Session, connection_id: ConnectionId, details: Collection[Resource], part: int, parts: int
) -> None:
    """Mark as stale, of these kinds, a part of the staff and runs of 13 months, and what was set aside."""
    for resource in details:
        if resource in RECENT:
            values = {"id": connection_id, "part": part, "parts": parts}
            session.execute(_of_recent(DOUBT_RECENT, resource), values)
        set_aside = text(DOUBT_SET_ASIDE.format(table=DETAILS[resource][0].fullname))
        session.execute(set_aside, {"id": connection_id})


def note_seen(session: Session, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> None:
    """Remember which rows a page of a full scan has shown; its first page forgets an earlier scan's."""
    if request.resource not in LISTED:
        return
    values = {"connection_id": connection_id, "resource": request.resource}
    if request.page == 1:
        session.execute(FORGET_SEEN, values)
    session.execute(NOTE_SEEN, {**values, "ids": reply.shown})


def doubt_unseen(
    session: Session, connection_id: ConnectionId, request: ListRequest, reply: Reply
) -> Changes:
    """
    Deal with rows that a full scan did not show, given its last page.

    One page that shows something is a snapshot, and its silence is believed. Several pages are none, an empty
    one may be a fault, and a record without a readable id may be any: then the rows are asked for by
    themselves, where they can be. Where they cannot, they are left alone, but for what several pages have not
    shown twice in a row.
    """
    listed = LISTED.get(request.resource)
    if listed is None:
        return Changes()
    values = {"connection_id": connection_id, "resource": request.resource}
    if request.page == 1:
        session.execute(FORGET_SEEN, values)
    query = text(UNSEEN.format(table=listed.table.fullname, which=listed.which))
    missing = session.execute(query, {**values, "ids": reply.shown}).scalars().all()
    session.execute(FORGET_SEEN, values)
    is_certain = bool(reply.records) and all(one.source_id for one in reply.unreadable)
    can_be_asked = "stale" in listed.table.c
    if is_certain and not can_be_asked:
        again = _missed_again(session, values, missing)
        missing = missing if request.page == 1 else again
    if not missing:
        return Changes()
    if is_certain and not listed.verify and (request.page == 1 or not can_be_asked):
        return _delete(session, connection_id, listed.table, listed.stream, missing)
    if can_be_asked:
        doubt = text(DOUBT.format(table=listed.table.fullname))
        session.execute(doubt, {"connection_id": connection_id, "ids": list(missing)})
    return Changes()


def _missed_again(session: Session, scan: Mapping[str, object], missing: Sequence[str]) -> Sequence[str]:
    """Which of these rows the scan before did not show either; all are remembered for the next."""
    missed = {**scan, "resource": f"{scan['resource']}:missed"}
    before = set(session.execute(FORGET_SEEN, missed).scalars())
    if missing:
        session.execute(NOTE_SEEN, {**missed, "ids": list(missing)})
    return [one for one in missing if one in before]


def holds(
    session: Session, connection_id: ConnectionId, shown: Mapping[Resource, Sequence[SourceId]]
) -> bool:
    """Whether all that these lists show was saved before, by its ids; what was deleted since counts."""
    parts = [HOLDS.format(name=one, table=LISTED[one].table.fullname) for one in shown]
    values = {"connection_id": connection_id, **{one.value: list(ids) for one, ids in shown.items()}}
    return bool(session.execute(text(f"SELECT {' AND '.join(parts)}"), values).scalar_one())


def count(session: Session, connection_id: ConnectionId, resource: Resource) -> int:
    """How many rows a list has filled."""
    listed = LISTED.get(resource)
    if listed is None:
        return 0
    query = text(COUNT.format(table=listed.table.fullname, which=listed.which))
    return int(session.execute(query, {"connection_id": connection_id}).scalar_one())


def erase(session: Session, connection_id: ConnectionId) -> Mapping[str, int]:
    """Delete every payroll row of a connection, children first; rows by table."""
    rows = {
        table.name: _all(session, connection_id, ERASE.format(table=table.fullname))
        for table in tables.PAYROLL_TABLES
    }
    for name in ("scan", "scan_seen"):
        _all(session, connection_id, ERASE.format(table=f"allie_xero.{name}"))
    session.execute(REOPEN, {"id": connection_id})
    return rows


def _all(session: Session, connection_id: ConnectionId, statement: str) -> int:
    """Repeat a statement until no row is left to it; how many there were."""
    done, values = 0, {"id": connection_id, "limit": BATCH}
    while count := session.execute(text(statement), values).rowcount:
        done += count
    return done
