"""dramatiq on RabbitMQ, set up so that no message can be lost."""

from typing import Any

from dramatiq import Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import dq_name, xq_name
from dramatiq.middleware import Middleware
from pika.exceptions import AMQPConnectionError

from workers.consumer import Count, ValidatingConsumer, counting
from workers.queues import EXCHANGE, ROUTES

DELIVERY_LIMIT = 20
"""
How often a message may come back before RabbitMQ itself sets it aside.

High, because what a worker held beside a message that killed it comes back just as often. The one that
kills is found by `workers.suspects` long before.
"""

NO_LIMIT = 1_000_000
"""
For queues whose messages come back without fault: by default RabbitMQ 4 drops them after 20 times.

A worker that restarts returns what it holds of the delayed, a dispatcher whose database is away what it
cannot keep of the dead letters.
"""

LONGEST_DELAY_MS = 60_000
"""Delayed messages wait in a worker's memory; what has to wait longer is a row."""

CONNECTION_OPTIONS = {
    "heartbeat": "30",
    "blocked_connection_timeout": "20",
    "connection_attempts": "2",
    "retry_delay": "1",
    "socket_timeout": "10",
}


class QuorumBroker(RabbitmqBroker):
    """
    Quorum queues, confirmed publishes, bounded redelivery, and our own consumer.

    The queues of events are bound to the topic exchange. Dead letters do not expire: the dispatcher keeps
    them as rows.
    """

    def __init__(self, url: str, *, middleware: list[Middleware], count: Count) -> None:
        super().__init__(url=_with_options(url), confirm_delivery=True, middleware=middleware)
        self._consumer_class = counting(count)

    @property
    def consumer_class(self) -> type[ValidatingConsumer]:
        """What every queue is read with."""
        return self._consumer_class

    @RabbitmqBroker.connection.getter  # type: ignore[attr-defined, untyped-decorator]
    def connection(self) -> Any:
        """This thread's connection. A certificate that is refused is a broker that is away, as for pika."""
        try:
            return super().connection
        except OSError as error:
            raise AMQPConnectionError(type(error).__name__) from None

    def enqueue(self, message: "Message[Any]", *, delay: int | None = None) -> "Message[Any]":
        """Publish; tracebacks stay at home, as they quote what failed."""
        if delay is not None and delay > LONGEST_DELAY_MS:
            raise ValueError("what waits longer than a minute is a row, not a delayed message")
        message.options.pop("traceback", None)
        return super().enqueue(message, delay=delay)

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {
            **super()._build_queue_arguments(queue_name),
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }

    def queues_of(self, queue_name: str) -> dict[str, dict[str, Any]]:
        """The three queues behind one name, and the arguments that each is declared with."""
        arguments = self._build_queue_arguments(queue_name)
        return {
            queue_name: arguments,
            dq_name(queue_name): {**arguments, "x-delivery-limit": NO_LIMIT},
            xq_name(queue_name): {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT},
        }

    def _declare_queue(self, queue_name: str) -> Any:
        self.channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        declared = super()._declare_queue(queue_name)
        for route in ROUTES.values():
            if route.queue == queue_name:
                self.channel.queue_bind(queue_name, EXCHANGE, routing_key=route.pattern)
        return declared

    def _declare_dq_queue(self, queue_name: str) -> Any:
        return self._declare_with_arguments(queue_name, dq_name(queue_name))

    def _declare_xq_queue(self, queue_name: str) -> Any:
        return self._declare_with_arguments(queue_name, xq_name(queue_name))

    def _declare_with_arguments(self, queue_name: str, name: str) -> Any:
        arguments = self.queues_of(queue_name)[name]
        return self.channel.queue_declare(queue=name, durable=True, arguments=arguments)


def _with_options(url: str) -> str:
    """The URL with our defaults for what it does not say itself."""
    missing = {name: value for name, value in CONNECTION_OPTIONS.items() if f"{name}=" not in url}
    query = "&".join(f"{name}={value}" for name, value in missing.items())
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url
