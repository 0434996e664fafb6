"""What operators ask, read straight from the tables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.postgres.engine import open_engine
from adapters.postgres.errors import translated
from adapters.postgres.pauses import IN_FORCE
from adapters.postgres.payroll.todo import backlog
from domain.model.backfill import Backfill
from domain.model.budget import DAY, MINUTE, Budget, Window
from domain.model.connection import Region
from domain.model.ids import ConnectionId
from domain.model.plans import PLANS
from domain.model.sync import Tally

Row = Mapping[str, Any]

SCOPE = text("""
SELECT set_config('allie_xero.clinic_id', '*', true),
       NOT row_security_active('allie_xero.credential') OR pg_has_role('allie_xero_operator', 'USAGE')
       OR pg_has_role('allie_xero_dispatcher', 'USAGE') AS is_wide
""")
"""Every clinic, and whether this login sees every clinic: else an answer would look complete and be empty."""

CONNECTIONS = text(f"""
SELECT c.clinic_id, c.id AS connection_id, c.status, c.reason, c.tenant_name AS organisation, c.region,
       c.connected_at, s.due_at, s.attempts, p.paused_until, s.backfilled_at,
       d.obtained_at AS token_used_at, d.version AS token_version,
       CASE WHEN b.day_resets_at > now() THEN b.day_remaining END AS day_calls_left,
       (SELECT min(finished_at) FROM allie_xero.scan WHERE connection_id = c.id) AS fresh_since
  FROM allie_xero.connection c LEFT JOIN allie_xero.sync_state s ON s.connection_id = c.id
  LEFT JOIN allie_xero.credential d ON d.connection_id = c.id AND d.state = 'live'
  LEFT JOIN allie_xero.tenant_budget b ON b.tenant_id = c.tenant_id
  LEFT JOIN LATERAL (SELECT max(p.until) AS paused_until FROM allie_xero.pause p
                      WHERE {IN_FORCE} AND p.stream IS NULL AND p.lane IS NULL
                        AND (p.only_clinic IS NULL OR p.only_clinic = c.clinic_id)) p ON true
 WHERE (CAST(:clinic_id AS text) IS NULL OR c.clinic_id = :clinic_id)
   AND (:all OR c.status <> 'disconnected')
 ORDER BY c.id
""")  # noqa: S608

SCANS = text("""
SELECT resource, finished_at, fault, page, sync_id IS NOT NULL AS is_under_way
  FROM allie_xero.scan WHERE connection_id = :id ORDER BY resource
""")

SYNCS = text("""
SELECT id, mode, state, requested_by, requested_at, started_at, finished_at, tallies
  FROM allie_xero.sync WHERE connection_id = :id ORDER BY id DESC LIMIT :limit
""")

FRESHNESS = text("""
SELECT stream, known_to, checked_at, fault
  FROM allie_xero_read.freshness WHERE connection_id = :id ORDER BY stream
""")

USAGE = text("""
SELECT month, calls, wire_bytes FROM allie_xero.usage WHERE connection_id = :id ORDER BY month DESC LIMIT 3
""")

BUDGET = text("""
SELECT minute_remaining, minute_limit, minute_resets_at, day_remaining, day_limit, day_resets_at
  FROM allie_xero.tenant_budget b JOIN allie_xero.connection c ON c.tenant_id = b.tenant_id WHERE c.id = :id
""")

PAY_RUNS = text("""
SELECT period_start, period_end, payment_date, status, earnings, tax, employer_pension, deductions,
       reimbursements, net_pay, pay_run_id
  FROM allie_xero_read.pay_run WHERE clinic_id = :clinic_id ORDER BY payment_date DESC LIMIT :limit
""")


KEYS = text("""
SELECT kek_id, count(*) AS token_sets FROM allie_xero.credential
 WHERE state <> 'shredded' GROUP BY kek_id ORDER BY kek_id
""")

OPENINGS = text("""
SELECT at, clinic_id, credential_id, version, action, kek_id, process, purpose, message_id, database_user
  FROM allie_xero.credential_audit
 WHERE (CAST(:clinic_id AS text) IS NULL OR clinic_id = :clinic_id)
 ORDER BY id DESC LIMIT :limit
""")

CERTIFICATES = text("""
SELECT id, clinic_id, connection_id, erased, issued_at, document, signature, signing_key_id
  FROM allie_xero.certificate
 WHERE (CAST(:clinic_id AS text) IS NULL OR clinic_id = :clinic_id)
   AND (CAST(:id AS bigint) IS NULL OR id = :id)
 ORDER BY id
""")


class LoginTooNarrow(Exception):
    """The login sees one clinic at a time, so what it is asked for would look complete and be empty."""


class Reports:
    """Answers questions about what the database holds; for operators and the demo."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, pool_size=1, application_name="allie-xero cli")

    def connections(self, clinic_id: str | None = None, *, ended: bool = False) -> list[Row]:
        """Connections, newest last; `ended` ones too if asked for."""
        return self._ask(CONNECTIONS, clinic_id=clinic_id, all=ended)

    def connection(self, connection_id: int) -> dict[str, Any]:
        """How far a connection's streams are, what it has cost, and what was done lately."""
        return {
            "freshness": self._ask(FRESHNESS, id=connection_id),
            "lists": self._ask(SCANS, id=connection_id),
            "syncs": self._ask(SYNCS, id=connection_id, limit=5),
            "usage": self._ask(USAGE, id=connection_id),
            "budget": self._budget_row(connection_id),
        }

    def backfill(self, connection_id: int, region: Region, *, since: date = date.min) -> Backfill:
        """How much of the details of pay runs paid `since` is here, and what the rest will take."""
        with self._session() as session:
            left = backlog(session, ConnectionId(connection_id), since)
        used = self._ask(USAGE, id=connection_id)
        sample = Tally(
            calls=sum(one["calls"] for one in used), wire_bytes=sum(one["wire_bytes"] for one in used)
        )
        row, now = self._budget_row(connection_id), datetime.now(UTC)
        budget = _budget(row).at(now) if row else Budget.unknown()
        return Backfill.of(left, PLANS[region], budget, now, sample=sample)

    def _budget_row(self, connection_id: int) -> Row | None:
        return next(iter(self._ask(BUDGET, id=connection_id)), None)

    def pay_runs(self, clinic_id: str, limit: int = 1) -> Sequence[Row]:
        """A clinic's newest pay runs, as the main platform sees them."""
        return self._ask(PAY_RUNS, clinic_id=clinic_id, limit=limit)

    def token_sets_by_key(self) -> dict[str, int]:
        """How many token sets each key-encryption key seals. Raises LoginTooNarrow."""
        return {row["kek_id"]: row["token_sets"] for row in self._ask(KEYS)}

    def openings(self, clinic_id: str | None = None, limit: int = 50) -> list[Row]:
        """Who opened token sets, why and for which message, and what else was done; newest first."""
        return self._ask(OPENINGS, clinic_id=clinic_id, limit=limit)

    def certificates(self, clinic_id: str | None = None, number: int | None = None) -> list[Row]:
        """Erasure certificates, oldest first: of one clinic, of one number, or all."""
        return self._ask(CERTIFICATES, clinic_id=clinic_id, id=number)

    def ask(self, statement: str, **values: object) -> list[Row]:
        """Any question, in SQL."""
        return self._ask(text(statement), **values)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _ask(self, statement: Any, **values: object) -> list[Row]:
        with self._session() as session:
            return [dict(row) for row in session.execute(statement, values).mappings()]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with self._engine.connect() as session:
                if not session.execute(SCOPE).one().is_wide:
                    raise LoginTooNarrow("this login sees one clinic at a time; use an operator's")
                yield session
        except DBAPIError as error:
            raise translated(error) from None


def _budget(row: Row) -> Budget:
    """What the tenant may still ask; what the app as a whole may, changes by the second."""
    minute = Window(
        length=MINUTE,
        limit=row["minute_limit"],
        remaining=row["minute_remaining"],
        resets_at=row["minute_resets_at"],
    )
    day = Window(
        length=DAY, limit=row["day_limit"], remaining=row["day_remaining"], resets_at=row["day_resets_at"]
    )
    return replace(Budget.unknown(), minute=minute, day=day)
