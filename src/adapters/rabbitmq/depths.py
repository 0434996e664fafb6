"""How much waits in the queues, asked without touching a message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from adapters.rabbitmq.closing import let_go
from domain.errors import BrokerUnavailable

NOT_FOUND = 404
KINDS = {"ready": "", "delayed": ".DQ", "dead": ".XQ"}
"""dramatiq's three queues of each name: work to do now, work of the next minute, dead letters."""


@dataclass(frozen=True, slots=True)
class Depth:
    """One queue: how many messages are ready in it, and how many consumers it has."""

    queue: str
    kind: str
    messages: int
    consumers: int


class QueueDepths:
    """Asks the broker by passive declaration; for one thread."""

    def __init__(self, url: str, queues: Sequence[str]) -> None:
        self._parameters = pika.URLParameters(url)
        self._queues = queues
        self._channel: BlockingChannel | None = None

    def read(self) -> list[Depth]:
        """Every queue that there is. Raises BrokerUnavailable."""
        try:
            return list(self._read())
        except (AMQPError, OSError) as error:
            self.close()
            raise BrokerUnavailable(f"the broker is away ({type(error).__name__})") from None

    def _read(self) -> Iterator[Depth]:
        for queue in self._queues:
            for kind, suffix in KINDS.items():
                try:
                    found = self._open_channel().queue_declare(f"{queue}{suffix}", passive=True).method
                except ChannelClosedByBroker as error:
                    if error.reply_code != NOT_FOUND:
                        raise
                    continue
                yield Depth(queue, kind, found.message_count, found.consumer_count)

    def close(self) -> None:
        """Let go of the connection."""
        channel, self._channel = self._channel, None
        let_go(channel)

    def _open_channel(self) -> BlockingChannel:
        if self._channel is None or self._channel.is_closed:
            self.close()
            self._channel = pika.BlockingConnection(self._parameters).channel()
        return self._channel
