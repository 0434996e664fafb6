"""The main platform's side of the exchange: publish an event, hear what comes back."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, UnroutableError

from adapters.rabbitmq.publisher import CONTENT_TYPE
from domain.errors import BrokerUnavailable
from workers.queues import EXCHANGE

PERSISTENT = 2
EVERYTHING = "allie.xero.#"


def event(event_type: str, data: dict[str, Any], event_id: str | None = None) -> dict[str, Any]:
    """A CloudEvent as the main platform sends it."""
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid4()),
        "source": "allie-xero-cli",
        "type": event_type,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def send(url: str, document: dict[str, Any]) -> None:
    """Publish it to the exchange and wait for the confirmation. Raises BrokerUnavailable."""
    send_raw(url, json.dumps(document).encode(), document["type"], message_id=document["id"])


def send_raw(url: str, body: bytes, routing_key: str, *, message_id: str | None = None) -> None:
    """Publish bytes as they are, persistent and confirmed. Raises BrokerUnavailable."""
    properties = pika.BasicProperties(
        content_type=CONTENT_TYPE, delivery_mode=PERSISTENT, message_id=message_id
    )
    with _channel(url) as channel:
        channel.confirm_delivery()
        try:
            channel.basic_publish(EXCHANGE, routing_key, body, properties, mandatory=True)
        except UnroutableError:
            raise BrokerUnavailable(
                "no queue takes this event yet; start a dispatcher or a worker first"
            ) from None


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came over the exchange."""

    routing_key: str
    body: bytes
    content_type: str | None
    delivery_mode: int | None
    message_id: str | None

    @property
    def document(self) -> dict[str, Any]:
        """The event in it; empty if it holds none."""
        with suppress(ValueError):
            if isinstance(document := json.loads(self.body), dict):
                return document
        return {}


@contextmanager
def hearing(url: str, pattern: str = EVERYTHING) -> Iterator[Callable[[float], Heard | None]]:
    """
    Listen on a queue of one's own, which goes with the context.

    Gives a function that waits so many seconds for the next message. Raises BrokerUnavailable.
    """
    with _channel(url) as channel:
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE, pattern)

        def hear(seconds: float) -> Heard | None:
            for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=seconds):
                if method is None or properties is None or body is None:
                    return None
                return Heard(
                    routing_key=method.routing_key,
                    body=body,
                    content_type=properties.content_type,
                    delivery_mode=properties.delivery_mode,
                    message_id=properties.message_id,
                )
            return None

        yield hear


def consumers_of(url: str, queues: Iterable[str]) -> int:
    """How many consumers these queues have, those that do not exist none. Raises BrokerUnavailable."""
    count = 0
    for queue in queues:
        with (
            _channel(url) as channel,
            suppress(ChannelClosedByBroker),
        ):  # it closes where there is no such queue
            count += channel.queue_declare(queue, passive=True).method.consumer_count
    return count


@contextmanager
def _channel(url: str) -> Iterator[Any]:
    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
            yield channel
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, OSError) as error:
        raise BrokerUnavailable(f"the broker cannot be reached ({type(error).__name__})") from None
