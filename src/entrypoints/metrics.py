"""
Every counter and histogram of a process, on one page; `docs/observability.md` says what they mean.

Gauges are in `entrypoints.gauges` (of the whole service, read by one dispatcher) and in
`entrypoints.worker_health` (of one worker).
"""

import re
from collections.abc import Callable, Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from adapters.postgres.probe import newest_schema
from adapters.xero.transport import CallSeen
from entrypoints import labels
from entrypoints.families import Count, Times

POOL = "allie_xero_db_pool_connections"
ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f-]{27,}$")
BASES = ("api.xro", "payroll.xro", "1.0", "2.0")

CALL_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MESSAGE_SECONDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
WAIT_SECONDS = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0)
TICK_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0)


PoolUse = Callable[[], tuple[int, int]]
"""How many connections of a pool are idle, and how many are in use."""


class Metrics:
    """What one process counts and times."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a birth for every series doubles them
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def count(name: str, meaning: str, *of: labels.Label) -> Count:
            return Count(registry, f"allie_xero_{name}_total", meaning, *of)

        def times(name: str, meaning: str, *of: labels.Label, buckets: tuple[float, ...]) -> Times:
            return Times(registry, f"allie_xero_{name}_seconds", meaning, *of, buckets=buckets)

        self.messages = count(
            "messages",
            "Messages worked: ok, retried, failed for good, dropped (its row is found again), stale.",
            labels.ACTOR,
            labels.RESULT,
        )
        self.message_seconds = times(
            "message_duration", "How long messages took.", labels.ACTOR, buckets=MESSAGE_SECONDS
        )
        self.message_waits = times(
            "message_wait",
            "How long jobs waited between their sending and their start.",
            labels.QUEUE,
            buckets=WAIT_SECONDS,
        )
        self.refused = count(
            "messages_refused",
            "Deliveries that were refused or not acknowledged, and why.",
            labels.QUEUE,
            labels.REFUSAL,
        )
        self.consumer_starts = count(
            "consumer_starts", "Consumers started; many in a minute are a restart loop.", labels.QUEUE
        )
        self.outcomes = count("outcomes", "How use cases ended.", labels.ACTOR, labels.OUTCOME)

        self.refreshes = count("token_refresh", "Token refreshes by result.", labels.REFRESH)
        self.refresh_seconds = times(
            "token_refresh_duration",
            "How long refreshes took: Xero's part, and all of it with lease and commit.",
            labels.REFRESH_PHASE,
            buckets=CALL_SECONDS,
        )
        self.overlaps = count(
            "token_overlap", "Refresh tokens presented twice at once in this process; must stay 0 (T1)."
        )
        self.crypto = count(
            "crypto_operations", "Sealing and opening of secrets.", labels.CRYPTO, labels.CRYPTO_RESULT
        )

        self.requests = count("xero_requests", "Calls to Xero.", labels.ENDPOINT, labels.STATUS)
        self.request_seconds = times(
            "xero_request_duration", "How long calls to Xero took.", labels.ENDPOINT, buckets=CALL_SECONDS
        )
        self.wire_bytes = count(
            "xero_response_bytes", "Bytes of Xero's answers as they travelled.", labels.ENDPOINT
        )
        self.rate_limited = count("xero_rate_limited", "Answers 429, by the limit hit.", labels.LIMIT)
        self.unknown_values = count(
            "xero_unknown_values", "Values of Xero's enumerations that we do not know, kept as text."
        )
        self.wrong_tenants = count(
            "xero_wrong_tenant", "Answers of Xero that were another organisation's; must stay 0."
        )
        self.records = count(
            "records", "Records read from Xero, by what was read.", labels.RESOURCE, labels.RECORD
        )

        self.sync_runs = count(
            "sync_runs",
            "Passes that ended: ok; partial (records set aside); clinic (it must act); faulty.",
            labels.MODE,
            labels.RUN_RESULT,
        )
        self.changed = count(
            "records_changed", "Records that a pass found new, different or gone.", labels.STREAM
        )
        self.connection_changes = count(
            "connection_changes", "What clinics were told.", labels.CONNECTION_STATUS, labels.REASON
        )
        self.events_sent = count("events_sent", "Events that the broker has confirmed.", labels.EVENT)
        self.publishes = count("publish", "Publishes of events by the broker's answer.", labels.PUBLISH)
        self.dead_letters = count(
            "dead_letters", "Messages that the broker set aside.", labels.QUEUE, labels.DEAD_LETTER
        )
        self.jobs = count("jobs_sent", "Jobs sent to workers.", labels.ACTOR)
        self.tick_seconds = times(
            "dispatcher_tick_duration", "How long the dispatcher's rounds took.", buckets=TICK_SECONDS
        )
        self.gauge_reads = count("readings", "Readings of the service's gauges.", labels.READ)

        self.transaction_waits = times(
            "db_pool_wait",
            "How long transactions waited to begin: for a connection, and one round trip.",
            buckets=WAIT_SECONDS,
        )
        self.storage_faults = count("db_errors", "Transactions that failed.", labels.STORAGE_FAULT)
        self.redactions = count(
            "redactions", "Things kept out of the logs; a rise means something leaks.", labels.REDACTION
        )

    def built(self, revision: str) -> None:
        """Say what runs here."""
        names = ("version", "commit", "schema")
        info = Gauge("allie_xero_build_info", "What runs here.", names, registry=self.registry)
        info.labels(version("allie-xero"), revision, newest_schema()).set(1)

    def watch_pool(self, use: PoolUse) -> None:
        """Show how much of the database pool is in use."""
        self.registry.register(_PoolCollector(use))

    def call(self, seen: CallSeen) -> None:
        """Count one call to Xero."""
        endpoint = endpoint_of(seen.path)
        self.requests(endpoint, status_class(seen.status))
        self.request_seconds(seen.seconds, endpoint)
        self.wire_bytes(endpoint, by=seen.wire_bytes)

    def refuse(self, queue: str, why: str) -> None:
        """Count a delivery that was refused."""
        self.refused(queue, why)

    def publish(self, result: str) -> None:
        """Count what the broker said to an event."""
        self.publishes(result)


class _PoolCollector(Collector):
    def __init__(self, use: PoolUse) -> None:
        self._use = use

    def collect(self) -> Iterator[GaugeMetricFamily]:
        idle, busy = self._use()
        family = GaugeMetricFamily(POOL, "Connections of the database pool.", labels=[labels.POOL.name])
        family.add_metric(["idle"], idle)
        family.add_metric(["busy"], busy)
        yield family


def endpoint_of(path: str) -> str:
    """`/payroll.xro/1.0/PayRuns/<id>` is `payruns/{id}`."""
    parts = [part for part in path.lower().split("/") if part and part not in BASES]
    return "/".join(["{id}" if ID.match(part) else part for part in parts])


def status_class(status: int | None) -> str:
    """`2xx` and the like; 429 stands alone, and `none` is no answer."""
    if status is None:
        return "none"
    return "429" if status == 429 else f"{status // 100}xx"  # noqa: PLR2004
