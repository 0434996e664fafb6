"""Hand the outbox's events to the broker, each until it is confirmed."""

from domain.errors import BrokerUnavailable, PublishRefused
from domain.model.ids import EventId
from domain.ports import Publish, Transaction

BATCH = 100


def relay_outbox(*, transaction: Transaction, publish: Publish) -> int:
    """
    Publish the oldest unsent events and give how many were confirmed.

    At least once: a crash between confirmation and commit sends an event again, under the same id. Raises
    BrokerUnavailable, with what was confirmed before it kept as sent.
    """
    lost: BrokerUnavailable | None = None
    confirmed: list[EventId] = []
    with transaction(None) as stores:
        for envelope in stores.outbox.claim(BATCH):
            try:
                publish(envelope)
                confirmed.append(envelope.id)
            except PublishRefused:
                stores.outbox.postpone(envelope.id)
            except BrokerUnavailable as error:
                lost = error
                break
        stores.outbox.sent(confirmed)
    if lost is not None:
        raise lost
    return len(confirmed)
