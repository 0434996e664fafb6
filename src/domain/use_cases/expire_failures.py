"""Forget failures when nobody has had to do with them for long enough."""

from domain.model.failures import KEPT
from domain.ports import Transaction

BATCH = 1_000


def expire_failures(*, transaction: Transaction) -> int:
    """Delete what was last attempted 180 days ago and give how many; open ones were warned of for 14 days."""
    with transaction(None) as stores:
        return stores.failures.expire(KEPT, BATCH)
