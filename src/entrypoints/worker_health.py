"""
Whether a worker is well: what its probes answer, and what it shows of itself.

A worker whose threads are dead, whose consumer hangs or whose message never ends looks healthy from outside,
so each is looked at here. Only a restart helps against those: they fail `/live`. A broker or a database that
is away is waited for: it fails `/ready` alone.
"""

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from dramatiq import Broker
from dramatiq.middleware import Middleware
from dramatiq.worker import ConsumerThread, Worker, WorkerThread
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from entrypoints.health import Probe
from workers.actors import TIME_LIMIT_MS
from workers.middleware import Watching

MESSAGE_BUDGET_S = TIME_LIMIT_MS / 1000 + 30
"""dramatiq interrupts what runs past its time limit; what runs on hangs where no interrupt reaches it."""

POLL_BUDGET_S = 60.0
"""A consumer looks for messages every second; sending on what was delayed may take a while."""

RESTARTS = 5
RESTARTS_WITHIN_S = 60.0
"""A consumer that is started this often in a minute gets a connection but cannot use it."""


class WorkerHealth(Middleware, Collector):
    """Looks at the threads of the worker it is part of."""

    def __init__(
        self,
        watching: Watching,
        database: Probe,
        *,
        message_budget_s: float = MESSAGE_BUDGET_S,
        poll_budget_s: float = POLL_BUDGET_S,
    ) -> None:
        self._watching = watching
        self._database = database
        self._message_budget_s = message_budget_s
        self._poll_budget_s = poll_budget_s
        self._worker: Worker | None = None
        self._starts: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RESTARTS))

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """This is the worker."""
        self._worker = worker

    def consumer_started(self, queue: str) -> None:
        """A consumer has been started, or started again."""
        self._starts[queue].append(time.monotonic())

    def live(self) -> list[str]:
        """What only a restart helps against."""
        if self._worker is None:
            return []
        return [*self._dead(self._worker), *self._over_budget(), *self._stuck(self._worker)]

    def ready(self) -> list[str]:
        """What keeps it from working now."""
        if self._worker is None or not self._worker.consumers:
            return ["not consuming yet"]
        return [*self.live(), *self._disconnected(self._worker), *self._restarting(), *self._database()]

    def _dead(self, worker: Worker) -> Iterator[str]:
        dead = sum(_has_died(thread) for thread in worker.workers)
        if dead:
            yield f"{dead} of {len(worker.workers)} worker threads are dead"
        for queue, thread in list(worker.consumers.items()):
            if _has_died(thread):
                yield f"the consumer of {queue} is dead"

    def _over_budget(self) -> Iterator[str]:
        for started, actor in self._watching.under_way():
            seconds = time.monotonic() - started
            if seconds > self._message_budget_s:
                yield f"{actor} has been running for {seconds:.0f} s"

    def _stuck(self, worker: Worker) -> Iterator[str]:
        for queue, thread in list(worker.consumers.items()):
            if not _is_open(thread.consumer):
                continue
            seconds = time.monotonic() - _polled_at(thread.consumer)
            if seconds > self._poll_budget_s:
                yield f"the consumer of {queue} has not looked for messages for {seconds:.0f} s"

    def _disconnected(self, worker: Worker) -> Iterator[str]:
        for queue, thread in list(worker.consumers.items()):
            if not _is_open(thread.consumer):
                yield f"no connection to the broker for {queue}"

    def _restarting(self) -> Iterator[str]:
        for queue, starts in list(self._starts.items()):
            if len(starts) == RESTARTS and time.monotonic() - starts[0] < RESTARTS_WITHIN_S:
                yield f"the consumer of {queue} was started {RESTARTS} times within a minute"

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What the worker is at."""
        worker = self._worker
        under_way = self._watching.under_way()
        consumers = list(worker.consumers.values()) if worker else []
        polled_at = min((_polled_at(thread.consumer) for thread in consumers), default=0.0)
        oldest = under_way[0][0] if under_way else None
        yield _gauge("worker_slots", "Threads that work messages.", len(worker.workers) if worker else 0)
        yield _gauge("worker_slots_busy", "Those that are at it.", len(under_way))
        yield _gauge(
            "worker_oldest_message_timestamp_seconds",
            "Start of the longest-running message; 0 is none.",
            _wall(oldest) if oldest is not None else 0.0,
        )
        family = GaugeMetricFamily(
            "allie_xero_heartbeat_timestamp_seconds",
            "When a part of a process was last alive; the least recent of its consumers.",
            labels=["part"],
        )
        family.add_metric(["consumer"], _wall(polled_at) if polled_at else 0.0)
        yield family


def _has_died(thread: WorkerThread | ConsumerThread) -> bool:
    """Whether it ended without having been told to."""
    return thread.running and not thread.is_alive()


def _is_open(consumer: Any) -> bool:
    return consumer is not None and consumer.is_open


def _polled_at(consumer: Any) -> float:
    """When it last looked for messages, by `time.monotonic`; 0 if it never did."""
    return float(consumer.polled_at) if consumer is not None else 0.0


def _wall(monotonic: float) -> float:
    """The time of day of an instant of `time.monotonic`."""
    return time.time() - (time.monotonic() - monotonic)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"allie_xero_{name}", meaning, value=value)
