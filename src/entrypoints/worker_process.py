"""What a worker is made of."""

from collections.abc import Callable

import structlog
from dramatiq import Broker
from dramatiq.middleware import Middleware, TimeLimit
from dramatiq.worker import Worker

from adapters.postgres.probe import DatabaseProbe
from entrypoints import health
from entrypoints.bootstrap import build_application
from entrypoints.health import Rested
from entrypoints.metrics import Metrics
from entrypoints.settings import Settings
from entrypoints.worker_health import WorkerHealth
from workers.actors import Report, declare_actors
from workers.broker import QuorumBroker
from workers.consumer import STARTED
from workers.middleware import CarefulRetries, FreshDeliveries, LogContext, Stop, Watching, Worked
from workers.suspects import Suspects

log = structlog.get_logger("allie_xero")


class HealthServer(Middleware):
    """Serves metrics and probes from inside the worker, which alone knows whether its threads are alive."""

    def __init__(self, settings: Settings, metrics: Metrics, worker_health: WorkerHealth) -> None:
        self._settings = settings
        self._metrics = metrics
        self._health = worker_health

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002
        """Start serving before anything is consumed."""
        server = health.start(
            self._settings.metrics_host,
            self._settings.metrics_port,
            registry=self._metrics.registry,
            live=self._health.live,
            ready=self._health.ready,
        )
        log.info("worker ready", address=health.address(server))


def build_broker(settings: Settings, metrics: Metrics) -> QuorumBroker:
    """A broker with every actor declared, ready to be worked."""
    stop = Stop()
    suspects = Suspects()
    retries = CarefulRetries()
    watching = Watching(count_worked(metrics))
    probe = DatabaseProbe(settings.database_url.reveal())
    stop.closing.callback(probe.close)
    worker_health = WorkerHealth(watching, Rested(probe.problems))
    metrics.registry.register(worker_health)
    broker = QuorumBroker(
        settings.amqp_url.reveal(),
        middleware=[
            LogContext(),
            FreshDeliveries(),
            suspects,
            watching,
            TimeLimit(),
            retries,
            stop,
            worker_health,
            HealthServer(settings, metrics, worker_health),
        ],
        count=count_deliveries(metrics, worker_health),
    )
    app = build_application(
        settings, metrics=metrics, stopping=lambda: stop.is_requested, process="worker", closing=stop.closing
    )
    suspects.app = retries.app = app
    declare_actors(broker, app, report(metrics))
    return broker


def count_worked(metrics: Metrics) -> Callable[[Worked], None]:
    """Count and time messages."""

    def count(worked: Worked) -> None:
        metrics.messages(worked.actor, worked.result)
        metrics.message_seconds(worked.seconds, worked.actor)
        if worked.wait is not None:
            metrics.message_waits(worked.wait, worked.queue)

    return count


def count_deliveries(metrics: Metrics, worker_health: WorkerHealth) -> Callable[[str, str], None]:
    """Count what consumers meet, and log what they refuse."""

    def count(queue: str, what: str) -> None:
        if what == STARTED:
            worker_health.consumer_started(queue)
            metrics.consumer_starts(queue)
        else:
            metrics.refuse(queue, what)
            log.warning("delivery refused", queue=queue, code=what)

    return count


def report(metrics: Metrics) -> Report:
    """Count and log how a use case ended."""

    def reported(actor: str, outcome: str) -> None:
        metrics.outcomes(actor, outcome)
        log.info("done", outcome=str(outcome))

    return reported
