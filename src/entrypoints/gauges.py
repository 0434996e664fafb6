"""
Gauges of the service as a whole: from rows, and from the broker's queues.

One dispatcher reads them every ten seconds, on a thread of its own; a scrape gets the last reading. When the
database is away for a minute, or the broker at all, they are gone from the scrape rather than old.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Thread

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.postgres.gauges import Gauges, Sample
from adapters.rabbitmq.depths import Depth, QueueDepths
from domain.errors import BrokerUnavailable, ServiceError
from entrypoints import labels
from entrypoints.labels import OTHER, Label
from entrypoints.metrics import Metrics

EVERY_S = 10.0
OLD_AFTER_S = 60.0
KEYS_SHOWN = 4

log = structlog.get_logger("allie_xero")


@dataclass(frozen=True, slots=True)
class Spec:
    """A gauge that is read from rows; with a label, values that no row has are 0."""

    name: str
    meaning: str
    label: Label | None = None


FROM_ROWS = {
    "connections": Spec("connections", "Connections by state.", labels.CONNECTION_STATE),
    "connections_waiting": Spec(
        "connections_waiting", "Connections that wait for their clinic, by reason.", labels.REASON
    ),
    "revocation_oldest": Spec(
        "revocation_oldest_timestamp_seconds", "Oldest disconnect that Xero has not heard of; 0 is none."
    ),
    "token_unresolved_oldest": Spec(
        "token_unresolved_oldest_timestamp_seconds", "Oldest refresh without an outcome; 0 is none."
    ),
    "token_oldest_use": Spec(
        "token_oldest_use_timestamp_seconds", "Least recently used token of an active connection; 0 is none."
    ),
    "wraps": Spec(
        "crypto_wraps_max", "Data keys that were ever wrapped: the most that one key can have wrapped."
    ),
    "sync_oldest_success": Spec(
        "sync_oldest_success_timestamp_seconds", "Least recently read list of each stream.", labels.STREAM
    ),
    "sync_stale": Spec(
        "sync_stale_connections", "Active connections past their freshness limit.", labels.STREAM
    ),
    "stale_connections": Spec("stale_connections", "Active connections with any stream past its limit."),
    "syncs": Spec("syncs", "Passes that are not over.", labels.SYNC_STATE),
    "sync_oldest_request": Spec(
        "sync_oldest_request_timestamp_seconds", "Oldest pass that is not over; 0 is none.", labels.SYNC_STATE
    ),
    "sync_seconds": Spec(
        "sync_last_hour_seconds", "How long passes of the last hour took, request to end.", labels.PERCENTILE
    ),
    "backfilling": Spec("backfilling_connections", "Active connections whose backfill is not complete."),
    "slices_running": Spec("slices_running", "Connections that a worker holds the lease of."),
    "slices_due": Spec("slices_due", "Connections that wait for a worker."),
    "slices_due_oldest": Spec(
        "slices_due_oldest_timestamp_seconds", "Since when the first of them waits; 0 is none."
    ),
    "app_minute_left": Spec(
        "xero_app_minute_left_ratio", "What is left of the app's calls of this minute, 0 to 1."
    ),
    "tenants_at_limit": Spec(
        "xero_tenants_at_limit", "Organisations with no call left in the window.", labels.WINDOW
    ),
    "outage_since": Spec(
        "xero_outage_since_timestamp_seconds", "Since when Xero has been away for everybody; 0 is not."
    ),
    "outbox_pending": Spec("outbox_pending", "Events that wait to be sent."),
    "outbox_oldest": Spec("outbox_oldest_timestamp_seconds", "Oldest of them; 0 is none."),
    "failures_open": Spec("failures_open", "Failures that are not settled.", labels.FAILURE_STATE),
    "failures_expiring": Spec("failures_expiring", "Open failures that expire within 14 days."),
    "pauses": Spec("pauses", "Pauses in force, of clinics, streams, the backfill or everything."),
    "replays": Spec("replays", "Replays that are not over, or ended within a day.", labels.REPLAY_STATE),
    "replay_items": Spec("replay_failures", "Failures of these replays.", labels.REPLAYED),
    "replay_oldest_unstarted": Spec(
        "replay_oldest_unstarted_timestamp_seconds", "Oldest running replay that nobody has begun; 0 is none."
    ),
    "sequence_headroom": Spec(
        "db_sequence_headroom_ratio", "What is left of the fullest sequence of ids, 0 to 1."
    ),
    "replica_lag": Spec("db_replica_lag_seconds", "Lag of the slowest standby, where it may be seen."),
}
BY_KEY = Spec("crypto_rows_by_key", "Token sets by the key that seals their data keys.")
QUEUE_MESSAGES = Spec("queue_messages", "Messages in the broker's queues.")
QUEUE_CONSUMERS = Spec("queue_consumers", "Consumers of the queues of work.")
QUEUE_SINCE = Spec(
    "queue_nonempty_since_timestamp_seconds", "Since when a queue has not been seen empty; 0 is empty."
)
READ_AT = Spec("heartbeat_timestamp_seconds", "When a part of a process was last alive.")

Series = list[tuple[Spec, list[str], dict[tuple[str, ...], float]]]


class GaugeReader(Collector):
    """Reads and keeps the gauges; `primary_key` is the id of the key that seals now."""

    def __init__(
        self,
        gauges: Gauges,
        depths: QueueDepths,
        metrics: Metrics,
        *,
        primary_key: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gauges = gauges
        self._depths = depths
        self._metrics = metrics
        self._primary_key = primary_key
        self._clock = clock
        self._since: dict[str, float] = {}
        self._rows: tuple[float, Series] = (0.0, [])
        self._queues: tuple[float, Series] = (0.0, [])
        self._tried_at = clock()
        self._stop = Event()
        self.thread = Thread(target=self._run, name="gauges", daemon=True)
        metrics.registry.register(self)

    def start(self) -> None:
        """Read from now on."""
        self.thread.start()

    def close(self) -> None:
        """Read no more, and let another lead."""
        self._stop.set()
        self.thread.join()

    def problems(self) -> list[str]:
        """Whether the thread has died or hangs."""
        if not self.thread.is_alive():
            return ["the thread that reads the gauges is dead"]
        silent = self._clock() - self._tried_at
        return [f"the gauges were not looked at for {silent:.0f} s"] if silent > OLD_AFTER_S else []

    def _run(self) -> None:
        while not self._stop.is_set():
            self.read()
            self._stop.wait(EVERY_S)
        self._gauges.close()
        self._depths.close()

    def read(self) -> None:
        """Look once, if this process leads."""
        self._tried_at = self._clock()
        try:
            samples = self._gauges.read()
            if samples is None:
                self._metrics.gauge_reads("not_leading")
                self._rows = self._queues = (0.0, [])
                return
            self._rows = (self._clock(), self._of_rows(samples))
            self._queues = (self._clock(), self._of_queues(self._depths.read()))
        except ServiceError as error:
            if isinstance(error, BrokerUnavailable):
                self._queues = (0.0, [])
            self._metrics.gauge_reads("failed")
            log.warning("gauges not read", error=type(error).__name__, why=str(error))
        else:
            self._metrics.gauge_reads("ok")

    def _of_rows(self, samples: Sequence[Sample]) -> Series:
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for sample in samples:
            found[sample.metric][sample.label] = sample.value
        series: Series = []
        for metric, spec in FROM_ROWS.items():
            values = found.get(metric, {})
            if spec.label is None:
                series.append((spec, [], {(): values[""]} if values else {}))
            else:
                series.append((spec, [spec.label.name], folded(spec.label, values)))
        rows = shown_keys(found.get("rows_by_key", {}), self._primary_key)
        series.append((BY_KEY, ["kek_id", labels.KEY_ROLE.name], rows))
        return series

    def _of_queues(self, depths: Sequence[Depth]) -> Series:
        now = self._clock()
        for depth in depths:
            if depth.kind == "ready":
                waiting = depth.messages > 0
                self._since[depth.queue] = (self._since.get(depth.queue) or now) if waiting else 0.0
        ready = {depth.queue: depth for depth in depths if depth.kind == "ready"}
        return [
            (QUEUE_MESSAGES, ["queue", "kind"], {(one.queue, one.kind): one.messages for one in depths}),
            (QUEUE_CONSUMERS, ["queue"], {(name,): one.consumers for name, one in ready.items()}),
            (QUEUE_SINCE, ["queue"], {(name,): self._since[name] for name in ready}),
        ]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The last reading, unless it is old."""
        for read_at, series in (self._rows, self._queues):
            if self._clock() - read_at < OLD_AFTER_S:
                for spec, names, values in series:
                    family = GaugeMetricFamily(f"allie_xero_{spec.name}", spec.meaning, labels=names)
                    for key, value in values.items():
                        family.add_metric(key, value)
                    yield family


def folded(label: Label, values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    """Every value of the label; those that no row has are 0, unknown ones together are `other`."""
    sums = dict.fromkeys(label.every, 0.0)
    for value, number in values.items():
        sums[label.fold(value)] += number
    return {(value,): number for value, number in sums.items()}


def shown_keys(rows: Mapping[str, float], primary: str) -> dict[tuple[str, ...], float]:
    """The primary key and those with the most rows; the rest together are `other`."""
    most = sorted(rows, key=lambda key: (key == primary, rows[key]), reverse=True)[:KEYS_SHOWN]
    shown: dict[tuple[str, ...], float] = {
        (key, "primary" if key == primary else "older"): rows[key] for key in most
    }
    shown.setdefault((primary, "primary"), 0.0)
    if rest := sum(number for key, number in rows.items() if key not in most):
        shown[OTHER, "older"] = rest
    return shown
