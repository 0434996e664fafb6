"""A worker in this process on a real broker, whose one actor does what a test says."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import dramatiq
import pika
from dramatiq import Worker
from pika.adapters.blocking_connection import BlockingChannel

from deployment.processes import until
from unit.workers.wire import native
from workers.broker import QuorumBroker
from workers.middleware import CarefulRetries, FreshDeliveries
from workers.queues import RUN_SLICE, SYNC

CONSUMERS = 2
"""Of one queue, and of what is delayed for it."""


@dataclass
class Working:
    """A worker, what its actor was called with, and what its consumers counted."""

    url: str
    broker: QuorumBroker
    worker: Worker
    runs: list[str] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)

    def counts(self, what: str) -> int:
        """How often that was counted, on any queue."""
        return sum(counted == what for _, counted in list(self.counted))

    def send(self, name: str) -> None:
        """Publish a message that calls the actor with this name."""
        publish(self.url, SYNC, message(name))


def message(name: str, **fields: Any) -> bytes:
    """One of dramatiq's own messages, as bytes."""
    return json.dumps(native(args=[name], kwargs={}, message_id=name, **fields)).encode()


@contextmanager
def working(
    url: str,
    act: Callable[[str], None],
    *,
    actor: str = RUN_SLICE,
    queue: str = SYNC,
    threads: int = 2,
    prefetch: int = 4,
    is_hint: bool = False,
) -> Iterator[Working]:
    """Start it, for messages that bear a name or events; in the end what runs by then is waited for."""
    counted: list[tuple[str, str]] = []
    runs: list[str] = []
    broker = QuorumBroker(
        url,
        middleware=[FreshDeliveries(), CarefulRetries()],
        count=lambda queue, what: counted.append((queue, what)),
    )

    def run(*names: str, event: Mapping[str, Any] | None = None) -> None:
        name = str(event["id"]) if event else names[0]
        runs.append(name)
        act(name)

    dramatiq.actor(broker=broker, actor_name=actor, queue_name=queue, is_hint=is_hint)(run)
    worker = Worker(broker, worker_threads=threads, worker_timeout=100)
    worker.queue_prefetch = prefetch
    worker.start()
    try:
        until(lambda: len(counted) >= CONSUMERS, "the consumers")
        yield Working(url, broker, worker, runs, counted)
    finally:
        worker.stop(10_000)
        broker.close()


@contextmanager
def channel_to(url: str) -> Iterator[BlockingChannel]:
    """A plain client's channel, with confirms."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def publish(url: str, queue: str, body: bytes) -> None:
    """Put bytes into a queue."""
    with channel_to(url) as channel:
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def take(url: str, queue: str, limit: int = 50) -> list[bytes]:
    """Take everything off a queue that is ready in it."""
    bodies: list[bytes] = []
    with channel_to(url) as channel:
        while len(bodies) < limit:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                break
            bodies.append(body or b"")
    return bodies


def waiting(url: str, queue: str) -> int:
    """How many messages are ready in a queue."""
    with channel_to(url) as channel:
        return int(channel.queue_declare(queue, passive=True).method.message_count)
