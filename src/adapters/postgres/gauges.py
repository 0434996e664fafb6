"""
What the database says about the whole service, as numbers.

Each query gives rows of metric, label and value; the label is empty where a metric has none. They read small
tables, or larger ones by a partial index, so that ten thousand connections take a fraction of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.postgres.engine import open_engine
from adapters.postgres.errors import translated
from adapters.postgres.failures import STATE
from adapters.postgres.leader import Leader
from adapters.postgres.pauses import IN_FORCE, IS_PAUSED
from domain.model.failures import KEPT, NOTICE
from domain.model.outage import ENOUGH
from domain.model.plans import PLANS

SCOPE = text("SELECT set_config('allie_xero.clinic_id', '*', true)")
"""The dispatcher's scope: rows of every clinic (see `adapters.postgres.transaction`)."""

MISSED = 2
"""A list is stale when so many of its looks were missed."""

CONNECTIONS = text(f"""
SELECT 'connections', CASE WHEN c.status = 'active'
                            AND {IS_PAUSED.format(clinic_id="c.clinic_id")} THEN 'paused'
                           ELSE c.status END, count(*)
  FROM allie_xero.connection c
 GROUP BY 2
UNION ALL
SELECT 'connections_waiting', coalesce(reason, 'none'), count(*)
  FROM allie_xero.connection WHERE status IN ('incomplete', 'needs_attention') GROUP BY 2
UNION ALL
SELECT 'connections', 'revocation_pending', count(*)
  FROM allie_xero.credential WHERE state = 'revocation_pending'
UNION ALL
SELECT 'revocation_oldest', '', coalesce(extract(epoch FROM min(revoke_by) - interval '24 hours'), 0)
  FROM allie_xero.credential WHERE state = 'revocation_pending'
""")  # noqa: S608

TOKENS = text("""
SELECT 'token_unresolved_oldest', '', coalesce(extract(epoch FROM min(intent_at)), 0)
  FROM allie_xero.credential WHERE intent_at IS NOT NULL AND state = 'live'
UNION ALL
SELECT 'token_oldest_use', '', coalesce(extract(epoch FROM min(d.obtained_at)), 0)
  FROM allie_xero.credential d JOIN allie_xero.connection c ON c.id = d.connection_id
 WHERE d.state = 'live' AND c.status = 'active'
UNION ALL
SELECT 'wraps', '', coalesce(sum(version + 1), 0) FROM allie_xero.credential
UNION ALL
SELECT 'rows_by_key', kek_id, count(*) FROM allie_xero.credential WHERE data_key IS NOT NULL GROUP BY kek_id
""")

# A list that was never read counts from the connecting. The row without a stream is of all streams together.
FRESHNESS = text(f"""
WITH wanted AS (
    SELECT * FROM unnest(CAST(:regions AS text[]), CAST(:resources AS text[]), CAST(:streams AS text[]),
                         CAST(:patience AS interval[])) AS w (region, resource, stream, patience)
), checked AS (
    SELECT w.stream, c.id, w.patience, coalesce(n.finished_at, c.connected_at) AS at
      FROM allie_xero.connection c
      JOIN wanted w ON w.region = c.region
      LEFT JOIN allie_xero.sync_state s ON s.connection_id = c.id
      LEFT JOIN allie_xero.scan n ON n.connection_id = c.id AND n.resource = w.resource
     WHERE c.status = 'active' AND NOT {IS_PAUSED.format(clinic_id="c.clinic_id")}
), summed AS (
    SELECT stream, extract(epoch FROM min(at)) AS oldest,
           count(DISTINCT id) FILTER (WHERE at < clock_timestamp() - patience) AS stale
      FROM checked GROUP BY ROLLUP (stream)
)
SELECT 'sync_oldest_success', stream, oldest FROM summed WHERE stream IS NOT NULL
UNION ALL
SELECT 'sync_stale', stream, stale FROM summed WHERE stream IS NOT NULL
UNION ALL
SELECT 'stale_connections', '', stale FROM summed WHERE stream IS NULL
""")  # noqa: S608

WORK = text(f"""
SELECT 'syncs', state, count(*) FROM allie_xero.sync WHERE state IN ('queued', 'running') GROUP BY state
UNION ALL
SELECT 'sync_oldest_request', state, extract(epoch FROM min(requested_at))
  FROM allie_xero.sync WHERE state IN ('queued', 'running') GROUP BY state
UNION ALL
SELECT 'backfilling', '', count(*)
  FROM allie_xero.sync_state s JOIN allie_xero.connection c ON c.id = s.connection_id
 WHERE c.status = 'active' AND s.backfilled_at IS NULL
UNION ALL
SELECT 'slices_running', '', count(*) FROM allie_xero.sync_state WHERE lease_until > clock_timestamp()
UNION ALL
SELECT 'slices_due', '', count(*)
  FROM allie_xero.sync_state
 WHERE due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
   AND NOT {IS_PAUSED.format(clinic_id="sync_state.clinic_id")}
UNION ALL
SELECT 'slices_due_oldest', '', coalesce(extract(epoch FROM min(due_at)), 0)
  FROM allie_xero.sync_state
 WHERE due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
   AND NOT {IS_PAUSED.format(clinic_id="sync_state.clinic_id")}
""")  # noqa: S608

XERO = text("""
SELECT 'app_minute_left', '', CASE WHEN minute_resets_at <= clock_timestamp() THEN 1.0
                                   ELSE greatest(0, minute_remaining)::float8 / greatest(1, minute_limit) END
  FROM allie_xero.app_budget
UNION ALL
SELECT 'tenants_at_limit', 'minute', count(*)
  FROM allie_xero.tenant_budget WHERE minute_remaining <= 0 AND minute_resets_at > clock_timestamp()
UNION ALL
SELECT 'tenants_at_limit', 'day', count(*)
  FROM allie_xero.tenant_budget WHERE day_remaining <= 0 AND day_resets_at > clock_timestamp()
""")

OUTAGE = text("""
SELECT 'outage_since', '', coalesce(extract(epoch FROM max(began_at) FILTER (WHERE failures >= :enough)), 0)
  FROM allie_xero.outage
""")

DURATIONS = text("""
WITH ended AS (
    SELECT percentile_cont(ARRAY[0.5, 0.95, 1])
           WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - requested_at)) AS seconds
      FROM allie_xero.sync WHERE finished_at > clock_timestamp() - interval '1 hour'
)
SELECT 'sync_seconds', found.percentile, found.seconds
  FROM ended, unnest(ARRAY['50', '95', '100'], ended.seconds) AS found (percentile, seconds)
 WHERE found.seconds IS NOT NULL
""")

OUT = text(f"""
SELECT 'outbox_pending', '', count(*) FROM allie_xero.outbox WHERE sent_at IS NULL
UNION ALL
SELECT 'outbox_oldest', '', coalesce(extract(epoch FROM min(created_at)), 0)
  FROM allie_xero.outbox WHERE sent_at IS NULL
UNION ALL
SELECT 'failures_open', {STATE} AS now_state, count(*)
  FROM allie_xero.failure f LEFT JOIN allie_xero.connection c ON c.id = f.connection_id
 WHERE f.state NOT IN ('resolved', 'discarded') GROUP BY now_state
UNION ALL
SELECT 'pauses', '', count(*) FROM allie_xero.pause p WHERE {IN_FORCE}
UNION ALL
SELECT 'failures_expiring', '', count(*)
  FROM allie_xero.failure
 WHERE state NOT IN ('resolved', 'discarded')
   AND last_seen_at < clock_timestamp() - CAST(:expiring AS interval)
""")  # noqa: S608

REPLAYS = text("""
WITH shown AS (
    SELECT id, state, coalesce(released_at, created_at) AS since FROM allie_xero.replay
     WHERE ended_at IS NULL OR ended_at > clock_timestamp() - interval '1 day'
)
SELECT 'replays', state, count(*) FROM shown GROUP BY state
UNION ALL
SELECT 'replay_items', i.state, count(*)
  FROM shown s JOIN allie_xero.replay_item i ON i.replay_id = s.id GROUP BY i.state
UNION ALL
SELECT 'replay_oldest_unstarted', '', coalesce(extract(epoch FROM min(since)), 0)
  FROM shown s
 WHERE state = 'running' AND NOT EXISTS (
       SELECT FROM allie_xero.replay_item i
        WHERE i.replay_id = s.id AND i.state NOT IN ('queued', 'released'))
""")

SERVER = text("""
SELECT 'sequence_headroom', '',
       coalesce(min(1 - coalesce(last_value, 0)::float8 / max_value::float8), 1)
  FROM pg_sequences WHERE schemaname = 'allie_xero'
UNION ALL
SELECT 'replica_lag', '', extract(epoch FROM max(replay_lag)) FROM pg_stat_replication
 HAVING max(replay_lag) IS NOT NULL
""")

QUERIES = (CONNECTIONS, TOKENS, FRESHNESS, WORK, DURATIONS, XERO, OUTAGE, OUT, REPLAYS, SERVER)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number about the service; `label` is empty where its metric has none."""

    metric: str
    label: str
    value: float


class Gauges:
    """Reads the numbers, if no other process does; `changes` is how often each list is looked at."""

    def __init__(self, url: str, *, changes: timedelta) -> None:
        self._engine = open_engine(url, pool_size=2, application_name="allie-xero gauges")
        self._leader = Leader(self._engine)
        specs = [(plan.region, spec) for plan in PLANS.values() for spec in plan.lists]
        self._values = {
            "regions": [region.value for region, _ in specs],
            "resources": [spec.resource.value for _, spec in specs],
            "streams": [spec.stream.value for _, spec in specs],
            "patience": [spec.rest + MISSED * changes for _, spec in specs],
            "enough": ENOUGH,
            "expiring": KEPT - NOTICE,
        }

    def read(self) -> Sequence[Sample] | None:
        """The numbers as of now, or None if another process reads them. Raises StorageUnavailable."""
        try:
            return self._read() if self._leader.leads() else None
        except (DBAPIError, PoolTimeoutError) as error:
            raise translated(error) from None

    def _read(self) -> list[Sample]:
        with self._engine.begin() as session:
            session.execute(SCOPE)
            return [
                Sample(metric, label or "", float(value))
                for query in QUERIES
                for metric, label, value in session.execute(
                    query, {name: self._values[name] for name in query.compile().params}
                )
            ]

    def close(self) -> None:
        """Let another process read them."""
        self._leader.close()
        self._engine.dispose()
