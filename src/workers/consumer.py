"""
The consumer that every queue is read with.

It refuses what dramatiq could not bear, and acknowledges a message only on the connection that delivered it:
delivery tags are plain numbers, so after a reconnect an old tag would acknowledge somebody else's message.
Leans on dramatiq's private `_RabbitmqConsumer`; `tests/integration` holds it to that.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from dramatiq import ConnectionClosed, Message, MessageProxy
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer, _RabbitmqMessage
from dramatiq.common import q_name
from pika.exceptions import AMQPChannelError, AMQPConnectionError

from domain.errors import UnreadableMessage
from workers.envelopes import read_message
from workers.queues import REQUEST_SYNC

Count = Callable[[str, str], None]
"""Counts something that happened to a message or a consumer: the queue and what."""

NO_SUCH_QUEUE = 404

STARTED = "consumer_started"
"""What is counted when a consumer has its connection, also after it has lost one."""


class LeasedMessage(_RabbitmqMessage):
    """A message and the consumer that it was delivered to."""

    def __init__(
        self, lease: "ValidatingConsumer", redelivered: bool, tag: int, message: "Message[Any]"
    ) -> None:
        super().__init__(redelivered, tag, message)
        self.lease = lease


class ValidatingConsumer(_RabbitmqConsumer):
    """Yields messages that can be worked; the others go to the dead letters at once, counted."""

    count: Count = staticmethod(lambda _queue, _what: None)

    def __init__(self, broker: Any, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        self.polled_at = time.monotonic()
        self._waiting: set[str] = set()
        self.count(queue_name, STARTED)

    def __next__(self) -> LeasedMessage | None:
        delivery = self._next_delivery()
        if delivery is None:
            return None
        tag, redelivered, body = delivery
        try:
            message = read_message(body, self.queue_name)
        except UnreadableMessage as error:
            self.count(self.queue_name, error.code)
            self._nack(tag)
            return None
        if not redelivered and self._is_covered(message):
            self.channel.basic_ack(tag)
            return None
        self.known_tags.add(tag)
        return LeasedMessage(self, redelivered, tag, message)

    def _next_delivery(self) -> tuple[int, bool, bytes] | None:
        self.polled_at = time.monotonic()
        try:
            method, _, body = next(self.iterator)
        except (AssertionError, AMQPConnectionError, AMQPChannelError) as error:
            if getattr(error, "reply_code", None) == NO_SUCH_QUEUE:
                self.broker.queues_pending.add(q_name(self.queue_name))
            raise ConnectionClosed(error) from None
        return None if method is None else (method.delivery_tag, method.redelivered, body)

    def _is_covered(self, message: "Message[Any]") -> bool:
        """
        Whether the same wish of the same clinic waits in this process, delivered here and not yet begun.

        What is read for that one is read after this one came, so this one is done with it; if the process
        dies, that one comes back. Else a clinic that asks ten thousand times would hold up all the others.
        What came back stands for nobody: it may have been worked before, and would do nothing.
        """
        wish = wish_of(message)
        if wish is None:
            return False
        is_covered = wish in self._waiting
        self._waiting.add(wish)
        return is_covered

    def begun(self, message: MessageProxy) -> None:
        """A worker's thread takes this message: whoever asks from now on asks anew."""
        self._waiting.discard(wish_of(message) or "")

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge, if this consumer delivered it; else its redelivery is on its way."""
        if self._is_mine(message):
            super().ack(message)

    def nack(self, message: MessageProxy) -> None:
        """Send to the dead letters, if this consumer delivered it."""
        if self._is_mine(message):
            super().nack(message)

    def _is_mine(self, message: MessageProxy) -> bool:
        if isinstance(message, LeasedMessage) and message.lease is self:
            return True
        self.count(self.queue_name, "stale_ack")
        return False

    @property
    def is_open(self) -> bool:
        """Whether what deliveries came over is still there; RabbitMQ may close the channel alone."""
        return bool(self.connection.is_open and self.channel.is_open)


def wish_of(message: "Message[Any] | MessageProxy") -> str | None:
    """What a sync-requested asks for, as text; None for other messages, and for those that wait for later."""
    if message.actor_name != REQUEST_SYNC or "eta" in message.options:
        return None
    return json.dumps(message.kwargs.get("event", {}).get("data"), sort_keys=True)


def counting(count: Count) -> type[ValidatingConsumer]:
    """The consumer, telling `count` what it refuses."""
    return type("CountingConsumer", (ValidatingConsumer,), {"count": staticmethod(count)})
