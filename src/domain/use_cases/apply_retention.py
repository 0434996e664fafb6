"""Forget what has been of no use for long: events that were sent, and passes that are over."""

from datetime import timedelta

from domain.ports import Transaction

SENT_EVENTS = timedelta(days=30)
FINISHED_PASSES = timedelta(days=90)
BATCH = 5_000
"""Rows of one transaction: ten thousand connections leave some three hundred passes behind in a minute."""


def apply_retention(*, transaction: Transaction) -> int:
    """Delete some of what is old enough, and give how many rows that was; there may be more."""
    with transaction(None) as stores:
        events = stores.outbox.forget(SENT_EVENTS, BATCH)
    with transaction(None) as stores:
        return events + stores.syncs.forget(FINISHED_PASSES, BATCH)
