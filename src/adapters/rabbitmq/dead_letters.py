"""Take what the broker has set aside off its dead-letter queues, one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from adapters.rabbitmq.closing import let_go
from domain.errors import BrokerUnavailable

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class SetAside:
    """A dead letter as the broker gives it; `reason` is RabbitMQ's word, such as `delivery_limit`."""

    queue: str
    body: bytes
    reason: str


class DeadLetters:
    """Reads the dead-letter queues of `queues`; for one thread."""

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        self._parameters = pika.URLParameters(url)
        self._queues = queues
        self._channel: BlockingChannel | None = None

    def take(self, limit: int) -> Iterator[SetAside]:
        """
        Give up to `limit` letters a queue; each is taken off when the next one is asked for.

        A letter whose handling raises stays where it is. Raises BrokerUnavailable.
        """
        try:
            for queue in self._queues:
                yield from self._take(queue, limit)
        except (AMQPError, OSError) as error:
            self.close()
            raise BrokerUnavailable(f"the broker is away ({type(error).__name__})") from None

    def _take(self, queue: str, limit: int) -> Iterator[SetAside]:
        for _ in range(limit):
            try:
                method, properties, body = self._open_channel().basic_get(f"{queue}.XQ")
            except ChannelClosedByBroker as error:
                if error.reply_code != NOT_FOUND:
                    raise
                return
            if method is None or method.delivery_tag is None or properties is None:
                return
            yield SetAside(queue, body or b"", _reason(properties))
            self._open_channel().basic_ack(method.delivery_tag)

    def close(self) -> None:
        """Let go of the connection; what was given but not taken off goes back."""
        channel, self._channel = self._channel, None
        let_go(channel)

    def _open_channel(self) -> BlockingChannel:
        if self._channel is None or self._channel.is_closed:
            self.close()
            self._channel = pika.BlockingConnection(self._parameters).channel()
        return self._channel


def _reason(properties: pika.BasicProperties) -> str:
    deaths = (properties.headers or {}).get("x-death") or [{}]
    return str(deaths[0].get("reason", "rejected"))
