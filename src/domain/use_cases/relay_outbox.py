"""Hand the outbox's events to the broker, each until it is confirmed."""

from datetime import timedelta

from domain.errors import BrokerUnavailable, PublishRefused
from domain.model.ids import EventId
from domain.ports import Clock, Publish, Transaction

BATCH = 100

BATCH_TIME = timedelta(seconds=10)
"""
After this no further event of a batch is published, so that what was confirmed is kept.

The database ends a transaction that idles for half a minute, and all of it would be sent again, for ever.
"""


def relay_outbox(*, transaction: Transaction, publish: Publish, clock: Clock) -> int:
    """
    Publish the oldest unsent events and give how many were confirmed.

    At least once: a crash between confirmation and commit sends an event again, under the same id. Raises
    BrokerUnavailable, with what was confirmed before it kept as sent.
    """
    lost: BrokerUnavailable | None = None
    confirmed: list[EventId] = []
    until = clock() + BATCH_TIME
    with transaction(None) as stores:
        for envelope in stores.outbox.claim(BATCH):
            try:
                publish(envelope)
                confirmed.append(envelope.id)
            except PublishRefused:
                stores.outbox.postpone(envelope.id)
            except BrokerUnavailable as error:
                lost = error
            if lost is not None or clock() >= until:
                break
        stores.outbox.sent(confirmed)
    if lost is not None:
        raise lost
    return len(confirmed)
