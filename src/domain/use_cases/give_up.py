"""An event is not tried any more: a clinic that was connecting hears of it at once."""

from domain.messages import ConnectCompleted, InboundEvent
from domain.model.connection import Reason
from domain.ports import Stores, Transaction
from domain.use_cases.complete_connection import connection_for, held, is_late, tell_why
from domain.use_cases.consent_check import Refused


def give_up(event: InboundEvent, *, transaction: Transaction) -> None:
    """
    Tell the clinic, if it was connecting; for the other events an operator sees to it alone.

    Not if something later counts. Raises TransientError while nobody can be told: then do not give up yet.
    """
    with transaction(event.clinic_id) as stores:
        tell(stores, event)


def tell(stores: Stores, event: InboundEvent) -> None:
    """As `give_up`: somebody looks at a consent that we hold; without one the clinic connects again."""
    if not isinstance(event, ConnectCompleted) or is_late(stores, event):
        return
    connection = connection_for(stores, event)
    is_held = held(stores, connection, event) is not None
    reason = Reason.CHECK_FAILED if is_held else Reason.CODE_EXPIRED_OR_USED
    tell_why(stores, event, connection, Refused(reason))
