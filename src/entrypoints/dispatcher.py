"""
The clock of the service.

Twice a second it sends what is due, relays the outbox and keeps dead letters as rows. Several may run; they
share the work row by row.
"""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

import structlog
from dramatiq.errors import BrokerConnectionError
from pika.exceptions import AMQPError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.postgres.gauges import Gauges
from adapters.postgres.probe import DatabaseProbe
from adapters.rabbitmq.dead_letters import DeadLetters, SetAside
from adapters.rabbitmq.depths import QueueDepths
from adapters.rabbitmq.publisher import EventPublisher
from domain.application import Application
from domain.errors import BrokerUnavailable, TransientError, UnreadableMessage
from domain.messages import DeadLetter, Envelope, Job
from domain.model.ids import ClinicId, ConnectionId, EventId
from domain.ports import Publish, SendJob
from entrypoints import health, heap
from entrypoints.bootstrap import build_application
from entrypoints.gauges import GaugeReader
from entrypoints.keys import key_ring
from entrypoints.metrics import Metrics
from entrypoints.sent import count_sent
from entrypoints.settings import Settings
from workers.actors import job_message
from workers.broker import QuorumBroker
from workers.envelopes import read_message
from workers.events import name_of, read_event, without_grant
from workers.queues import QUEUES

TICK_S = 0.5
DEAD_LETTERS_EVERY_S = 2.0
EXPIRE_EVERY_S = 3_600.0
STALE_AFTER_S = 30.0
HUNG_AFTER_S = 180.0
"""Longer than a tick can take whose every statement and publish runs into its own timeout."""

LONGEST_PAUSE_S = 10.0

log = structlog.get_logger("allie_xero")


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except (BrokerConnectionError, AMQPError) as error:
        raise BrokerUnavailable(f"the broker is away ({type(error).__name__})") from None


class Dispatcher(Collector):
    """Runs until it is asked to stop; a broker or a database that is away is waited for."""

    def __init__(self, app: Application, broker: QuorumBroker, amqp_url: str, metrics: Metrics) -> None:
        self._app = app
        self._broker = broker
        self._publisher = EventPublisher(amqp_url, published=metrics.publish)
        self._dead_letters = DeadLetters(amqp_url, QUEUES)
        self._metrics = metrics
        self._stop = Event()
        self._tried = time.monotonic()
        self._last_good: float | None = None
        self._waits_for: str | None = None
        self._next_drain = 0.0
        self._next_expiry = 0.0
        self._are_declared = False

    def stop(self) -> None:
        """Finish the tick under way, and end."""
        self._stop.set()

    def hung(self) -> list[str]:
        """What only a restart helps against."""
        silent = time.monotonic() - self._tried
        return [f"no tick for {silent:.0f} s"] if silent > HUNG_AFTER_S else []

    def problems(self) -> list[str]:
        """What keeps it from working now."""
        if self._waits_for is not None:
            return [self._waits_for]
        if self._last_good is None:
            return ["no good tick yet"]
        idle = time.monotonic() - self._last_good
        return [f"no good tick for {idle:.0f} s"] if idle > STALE_AFTER_S else []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """When it last ticked, for the metrics."""
        family = GaugeMetricFamily(
            "allie_xero_heartbeat_timestamp_seconds", "When a part was last alive.", labels=["part"]
        )
        family.add_metric(["dispatcher"], time.time() - (time.monotonic() - self._tried))
        yield family

    def run(self) -> None:
        """Tick until asked to stop."""
        pause = TICK_S
        while not self._stop.wait(pause):
            pause = self._try(pause)
        self._publisher.close()
        self._dead_letters.close()

    def _try(self, pause: float) -> float:
        """One tick; how long to wait for the next."""
        self._tried = time.monotonic()
        try:
            busy = self.tick()
        except TransientError as error:
            self._waits_for = str(error)
            log.warning("waiting", error=type(error).__name__, why=str(error))
            return min(LONGEST_PAUSE_S, pause * 2)
        finally:
            self._metrics.tick_seconds(time.monotonic() - self._tried)
        self._waits_for = None
        if self._last_good is None:
            log.info("dispatcher ready")
        self._last_good = time.monotonic()
        return 0.0 if busy else TICK_S

    def tick(self) -> bool:
        """Do what is due now; True if there may be more."""
        self._declare_queues()
        sent = move_on(self._app, self._publish, self._send)
        if time.monotonic() >= self._next_drain:
            self._drain()
            self._next_drain = time.monotonic() + DEAD_LETTERS_EVERY_S
        if time.monotonic() >= self._next_expiry:
            more = self._expire()
            self._next_expiry = time.monotonic() + (0 if more else EXPIRE_EVERY_S)
        return sent > 0

    def _declare_queues(self) -> None:
        """Make the queues once, so that events are kept from the first moment, worker or not."""
        if not self._are_declared:
            with _broker_errors():
                for queue in QUEUES:
                    self._broker.declare_queue(queue, ensure=True)
            self._are_declared = True

    def _publish(self, envelope: Envelope) -> None:
        self._publisher.publish(envelope)
        count_sent(self._metrics, envelope)

    def _send(self, job: Job) -> None:
        with _broker_errors():
            message = self._broker.enqueue(job_message(job))
        self._metrics.jobs(message.actor_name)

    def _drain(self) -> None:
        for set_aside in self._dead_letters.take(100):
            letter = dead_letter(set_aside)
            self._app.record_dead_letter(letter)
            self._metrics.dead_letters(letter.queue, letter.code)
            log.warning("dead letter", queue=letter.queue, code=letter.code, event_type=letter.type)

    def _expire(self) -> bool:
        """Let go of what is old; True if there may be more."""
        expired = self._app.expire_failures()
        if expired:
            log.warning("failures expired", count=expired)
        return self._app.apply_retention() > 0


def move_on(app: Application, publish: Publish, send: SendJob) -> int:
    """Relay what is to be told, let replays begin more, send what is due; how many events were sent."""
    sent = app.relay_outbox(publish)
    app.advance_replays()
    app.schedule_due_work(send)
    return sent


def dead_letter(set_aside: SetAside) -> DeadLetter:
    """What can be said of a letter without quoting it."""
    digest = hashlib.sha256(set_aside.body).hexdigest()
    size = len(set_aside.body)
    try:
        message = read_message(set_aside.body, set_aside.queue)
    except UnreadableMessage as error:
        event_type, event_id = name_of(set_aside.body) or (None, None)
        return DeadLetter(
            queue=set_aside.queue,
            code=error.code,
            is_readable=False,
            digest=digest,
            size=size,
            type=event_type,
            event_id=EventId(event_id) if event_id else None,
            where=error.where,
        )
    if "event" not in message.kwargs:
        connection_id = message.kwargs.get("connection_id")
        return DeadLetter(
            queue=set_aside.queue,
            code=set_aside.reason,
            is_readable=True,
            digest=digest,
            size=size,
            type=message.actor_name,
            clinic_id=ClinicId(str(message.kwargs.get("clinic_id", ""))) or None,
            connection_id=ConnectionId(connection_id) if isinstance(connection_id, int) else None,
        )
    event = read_event(message.kwargs["event"])
    return DeadLetter(
        queue=set_aside.queue,
        code=set_aside.reason,
        is_readable=True,
        digest=digest,
        size=size,
        type=event.type,
        event_id=EventId(event.header.id),
        clinic_id=event.clinic_id,
        event=without_grant(message.kwargs["event"]),
    )


def main(settings: Settings, metrics: Metrics, *, on_signal: Callable[..., object] = signal.signal) -> None:
    """Run a dispatcher until SIGTERM or SIGINT."""
    amqp_url, database_url = settings.amqp_url.reveal(), settings.database_url.reveal()
    broker = QuorumBroker(amqp_url, middleware=[], count=metrics.refuse)
    with ExitStack() as closing:
        app = build_application(
            settings, metrics=metrics, stopping=lambda: False, process="dispatcher", closing=closing
        )
        closing.callback(broker.close)
        dispatcher = Dispatcher(app, broker, amqp_url, metrics)
        gauges = GaugeReader(
            Gauges(database_url, changes=settings.changes_every),
            QueueDepths(amqp_url, QUEUES),
            metrics,
            primary_key=key_ring(settings).primary_id,
        )
        probe = DatabaseProbe(database_url)
        closing.callback(probe.close)
        metrics.built(settings.revision)
        metrics.registry.register(dispatcher)
        database = health.Rested(probe.problems)
        server = health.start(
            settings.metrics_host,
            settings.metrics_port,
            registry=metrics.registry,
            live=lambda: [*dispatcher.hung(), *gauges.problems()],
            ready=lambda: [*dispatcher.problems(), *database()],
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            on_signal(number, lambda *_: dispatcher.stop())
        log.info("dispatcher started", address=health.address(server))
        gauges.start()
        closing.callback(gauges.close)
        heap.settle()
        dispatcher.run()
    log.info("dispatcher stopped")
