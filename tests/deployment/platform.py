"""The main platform, played by a plain AMQP client: it publishes three events and reads what comes back."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, Protocol
from uuid import uuid4

import pika

EXCHANGE = "allie.events"
QUEUE = "allie.platform"


class PublishRaw(Protocol):
    """Publishes bytes and waits for the broker's confirmation."""

    def __call__(self, body: bytes, routing_key: str, *, exchange: str = EXCHANGE) -> None: ...


@dataclass
class Platform:
    """What the main platform says and hears."""

    url: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, kind: str, data: dict[str, Any], *, event_id: str | None = None) -> str:
        """Publish `allie.xero.<kind>.v1` and give its id."""
        event = {
            "specversion": "1.0",
            "id": event_id or str(uuid4()),
            "source": "allie-platform",
            "type": f"allie.xero.{kind}.v1",
            "data": data,
        }
        self.publish_raw(json.dumps(event).encode(), str(event["type"]))
        return str(event["id"])

    def publish_raw(self, body: bytes, routing_key: str, *, exchange: str = EXCHANGE) -> None:
        """Publish any bytes."""
        with self.publishing() as publish:
            publish(body, routing_key, exchange=exchange)

    @contextmanager
    def publishing(self) -> Iterator[PublishRaw]:
        """Publish any bytes, many times over one connection."""
        with closing(pika.BlockingConnection(pika.URLParameters(self.url))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            properties = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)

            def publish(body: bytes, routing_key: str, *, exchange: str = EXCHANGE) -> None:
                channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)

            yield publish

    def events(self, kind: str, **data: object) -> list[dict[str, Any]]:
        """What was heard of one kind, with these values among its data."""
        return [
            event
            for event in list(self.heard)
            if event["type"] == f"allie.xero.{kind}.v1" and data.items() <= event["data"].items()
        ]

    def replies(self, asked: Iterable[str]) -> Counter[str]:
        """How many different events say that they answer each of these."""
        different = {event["id"]: event["data"].get("in_reply_to") for event in list(self.heard)}
        return Counter(one for one in different.values() if one in set(asked))


@contextmanager
def platform(url: str) -> Iterator[Platform]:
    """A platform whose own queue is bound to everything this service sends."""
    played = Platform(url)
    stop = Event()
    _declare(url)
    listener = Thread(target=_listen, args=(played, stop), daemon=True)
    listener.start()
    try:
        yield played
    finally:
        stop.set()
        listener.join(10)


def _declare(url: str) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        for kind in ("connection-changed", "sync-finished", "payroll-changed", "payroll-erased"):
            channel.queue_bind(QUEUE, EXCHANGE, f"allie.xero.{kind}.*")


def _listen(played: Platform, stop: Event) -> None:
    while not stop.is_set():
        try:
            with closing(pika.BlockingConnection(pika.URLParameters(played.url))) as connection:
                _hear(played, connection, stop)
        except (pika.exceptions.AMQPError, OSError):
            stop.wait(0.5)


def _hear(played: Platform, connection: pika.BlockingConnection, stop: Event) -> None:
    channel = connection.channel()
    for method, _, body in channel.consume(QUEUE, inactivity_timeout=0.2):
        if method is not None and body is not None:
            played.heard.append(json.loads(body))
            channel.basic_ack(method.delivery_tag)
        if stop.is_set():
            return
