"""The other half of `dare`: the worker is still there."""

from domain.messages import InboundEvent
from domain.ports import Transaction


def outlive(event: InboundEvent, *, transaction: Transaction) -> None:
    """Note that what was dared has ended, well or with an error."""
    with transaction(event.clinic_id) as stores:
        stores.inbox.note_end(event.header)
