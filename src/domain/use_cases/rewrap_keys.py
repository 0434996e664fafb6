"""Move every data key to the key-encryption key that is primary now, while the service runs."""

from collections.abc import Callable

from domain.model.ids import CredentialId
from domain.model.rewrapping import Rewrapped
from domain.ports import Transaction

BATCH = 100
"""Rows of one transaction: what is lost by an interruption, and how long others may wait."""


def rewrap_keys(*, transaction: Transaction, note: Callable[[Rewrapped], None]) -> Rewrapped:
    """
    Go once over all token sets, a batch a transaction, and tell `note` how far it is.

    It may be stopped and begun again at any time. A row that is being worked on is left out; what seals it
    next does so with the primary key.
    """
    so_far = Rewrapped(last=CredentialId(0))
    while so_far.last is not None:
        with transaction(None) as stores:
            so_far = so_far.plus(stores.credentials.rewrap(so_far.last, BATCH))
        note(so_far)
    return so_far
