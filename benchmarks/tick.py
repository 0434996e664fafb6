"""(f) How long the dispatcher's tick takes as connections grow."""

import json
import time
from contextlib import ExitStack
from functools import partial
from statistics import median

import psycopg

from adapters.crypto.generation import new_document
from benchmarks.parts import Bench
from benchmarks.report import Claim, Result
from entrypoints.bootstrap import build_application
from entrypoints.dispatcher import TICK_S, Dispatcher
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from services.databases import libpq_url
from workers.broker import QuorumBroker

CONNECTIONS = """
INSERT INTO allie_xero.connection (clinic_id, status, tenant_id, tenant_name, xero_connection_id, region)
SELECT 'clinic-' || n, 'active', 'tenant-' || n, 'Clinic ' || n, 'link-' || n, 'AU'
  FROM generate_series(1, %s) AS n
"""

STATES = """
INSERT INTO allie_xero.sync_state (connection_id, clinic_id, changes_at, reconcile_at)
SELECT id, clinic_id, now() + interval '1 hour' * random() + interval '10 min', now() + interval '20 hours'
  FROM allie_xero.connection
"""

FALL_DUE = """
UPDATE allie_xero.sync_state SET changes_at = now(), due_at = NULL, work_claimed_until = NULL
 WHERE connection_id IN (SELECT connection_id FROM allie_xero.sync_state ORDER BY random() LIMIT %s)
"""

CALM = "UPDATE allie_xero.sync_state SET due_at = NULL; DELETE FROM allie_xero.sync"


def run(bench: Bench) -> Result:
    """Tick against RabbitMQ and PostgreSQL, with nothing due and with what falls due."""
    sizes, ticks = ((10, 100), 5) if bench.quick else ((10, 1_000, 10_000), 60)
    result = Result(
        name="f-tick",
        title="the dispatcher's tick",
        columns=[
            "connections",
            "nothing due, ms",
            "due in a tick",
            "usual tick, ms",
            "its best",
            "its worst",
        ],
    )
    for size in sizes:
        # Each connection is looked at once an hour and reconciled once a day.
        due = max(1, round(size * TICK_S / 3_600 * 25 / 24))
        idle, usual = _measure(bench, size, due, ticks)
        result.rows.append(
            [size, _ms(median(idle)), due, _ms(median(usual)), *map(_ms, (min(usual), max(usual)))]
        )
    result.claims = [Claim(f"ms a usual tick at {sizes[-1]:,} connections", result.rows[-1][3], 50)]
    result.notes = [
        (
            f"Median of {ticks} ticks. Connections are looked at hourly, so a usual tick, every {TICK_S} s, "
            "finds as many due as the third column says; it queues their syncs, claims them, and publishes a "
            "message for each to a quorum queue, confirmed."
        ),
    ]
    return result


def _measure(bench: Bench, size: int, due: int, ticks: int) -> tuple[list[float], list[float]]:
    with bench.database() as database, bench.vhost() as vhost, ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(libpq_url(database), autocommit=True))
        connection.execute(CONNECTIONS, [size])
        connection.execute(STATES)
        connection.execute("ANALYZE")
        metrics = Metrics()
        broker = QuorumBroker(vhost, middleware=[], count=metrics.refuse)
        stack.callback(broker.close)
        settings = load(
            {
                "ALLIE_XERO_KEYRING": json.dumps(new_document()),
                "DATABASE_URL": database,
                "AMQP_URL": vhost,
                "XERO_CLIENT_ID": "none",
                "XERO_CLIENT_SECRET": "none",
            }
        )
        app = build_application(
            settings, metrics=metrics, stopping=lambda: False, process="bench", closing=stack
        )
        dispatcher = Dispatcher(app, broker, vhost, metrics)
        stack.callback(partial(_close, dispatcher))
        dispatcher.tick()
        idle, usual = [], []
        for _ in range(ticks):
            idle.append(_timed(dispatcher))
            connection.execute(FALL_DUE, [due])
            usual.append(_timed(dispatcher))
            connection.execute(CALM)
        return idle, usual


def _timed(dispatcher: Dispatcher) -> float:
    started = time.perf_counter()
    dispatcher.tick()
    return time.perf_counter() - started


def _close(dispatcher: Dispatcher) -> None:
    """As at the end of its own loop."""
    dispatcher.stop()
    dispatcher.run()


def _ms(seconds: float) -> float:
    return round(seconds * 1_000, 1)
