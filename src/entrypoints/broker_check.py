"""Whether the broker is as this version needs it: reachable, permitted, with its queues and consumers."""

from collections.abc import Iterator
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, ProbableAccessDeniedError

from workers.broker import QuorumBroker
from workers.queues import EXCHANGE, QUEUES

NOT_FOUND, REFUSED, DIFFERENT = 404, 403, 406

Problem = tuple[str, str]
"""What was found, and what to do about it."""


def broker_problems(url: str) -> Iterator[Problem]:
    """What is wrong, one by one; nothing is made or changed."""
    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
    except ProbableAccessDeniedError:
        yield (
            "the broker refuses this user or virtual host",
            "docs/operations.md, RabbitMQ: user and permissions",
        )
        return
    except (AMQPError, OSError) as error:
        yield f"the broker cannot be reached ({type(error).__name__})", "does it run, is AMQP_URL right?"
        return
    try:
        yield from _exchange(connection)
        declared = QuorumBroker(url, middleware=[], count=lambda *_: None)
        for queue in QUEUES:
            for name, arguments in declared.queues_of(queue).items():
                yield from _queue(connection, name, arguments, is_read=name == queue)
    finally:
        connection.close()


def _exchange(connection: pika.BlockingConnection) -> Iterator[Problem]:
    try:
        connection.channel().exchange_declare(EXCHANGE, passive=True)
    except ChannelClosedByBroker as error:
        yield _said(f"the exchange {EXCHANGE}", error)


def _queue(
    connection: pika.BlockingConnection, queue: str, arguments: dict[str, Any], *, is_read: bool
) -> Iterator[Problem]:
    """One that exists is declared once more as it should be, which the broker refuses if it is not."""
    try:
        found = connection.channel().queue_declare(queue, passive=True).method
        connection.channel().queue_declare(queue, durable=True, arguments=arguments)
    except ChannelClosedByBroker as error:
        yield _said(f"the queue {queue}", error)
        return
    if is_read and found.consumer_count == 0:
        yield f"nobody reads the queue {queue}", "start a worker; runbook WorkerAbsent"


def _said(what: str, error: ChannelClosedByBroker) -> Problem:
    if error.reply_code == NOT_FOUND:
        return f"{what} does not exist", "start a dispatcher: it makes exchange and queues"
    if error.reply_code == REFUSED:
        return f"this user may not use {what}", "docs/operations.md, RabbitMQ: permissions"
    if error.reply_code == DIFFERENT:
        advice = "stop the workers, let it run empty, delete it, and start a dispatcher: it makes it anew"
        return f"{what} is of another type or has other arguments than this version needs", advice
    return f"{what}: the broker answers {error.reply_code}", "see the broker's log"
