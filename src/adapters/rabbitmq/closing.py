"""How every channel of this package is let go of."""

from contextlib import suppress

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError


def let_go(channel: BlockingChannel | None) -> None:
    """Close a channel and its connection; one that turns out to be lost meanwhile is closed by that."""
    if channel is not None and channel.connection.is_open:
        with suppress(AMQPError, OSError):
            channel.connection.close()
