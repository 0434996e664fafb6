"""An event that came back may have killed its worker: count its starts, and stop before it kills again."""

from domain.messages import InboundEvent
from domain.ports import Transaction
from domain.use_cases.give_up import tell

DEATHS = 2
"""Noted starts that may have had no end; the first death, before the event came back, is not noted."""


def dare(event: InboundEvent, *, transaction: Transaction) -> bool:
    """
    Note a start of an event that came back; False if it is not to be started any more: it is given up.

    The note is committed before the work begins, so a death counts and a connection that dropped, a deploy
    or an error does not. Nor does a database that was lost meanwhile: `workers.suspects` tells it afterwards.
    """
    with transaction(event.clinic_id) as stores:
        if stores.inbox.note_start(event.header, event.type) <= DEATHS:
            return True
        stores.inbox.note_end(event.header)
        tell(stores, event)
        return False
