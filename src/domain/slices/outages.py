"""While Xero is away for everybody, let one connection ask for all of them."""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import XeroUnavailable
from domain.model.connection import Connection
from domain.model.outage import Outage
from domain.model.sync import Fetched
from domain.ports import Stores


def wait_for_xero(stores: Stores, connection: Connection) -> datetime | None:
    """When to come back, if Xero is away and another connection is asking; None to go ahead."""
    if not stores.outage.get().is_on:
        return None
    outage = stores.outage.get_for_update()
    urgent = stores.syncs.is_requested(connection.id)
    wait = outage.wait_until(connection.id, stores.now, urgent=urgent)
    if wait is None:
        stores.outage.save(outage.asked(stores.now))
    return wait


def note_answers(stores: Stores, fetched: Sequence[Fetched]) -> None:
    """Any answer, even a refusal, says that Xero is there."""
    if stores.outage.get().failures and any(not isinstance(one.result, XeroUnavailable) for one in fetched):
        stores.outage.save(Outage())


def note_silence(stores: Stores, connection: Connection) -> datetime | None:
    """This connection got no answer: when it may ask again, if nobody gets one."""
    outage = stores.outage.get_for_update().failed(connection.id, stores.now)
    stores.outage.save(outage)
    return outage.ask_at if outage.is_on else None
