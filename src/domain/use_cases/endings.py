"""How a connection ends: the same steps, whoever asks for it."""

from domain.model.connection import REVOKE_WITHIN, Connection, Erase, Reason
from domain.model.tokens import Credential
from domain.ports import Stores


def end(
    stores: Stores,
    connection: Connection,
    erase: Erase,
    reason: Reason,
    *,
    but_pending: bool = False,
) -> Connection:
    """
    Fence everything that runs for this connection, and set its tokens aside for their revocation.

    Needs the connection locked. The payroll rows are hidden from here on; Xero is told later. `but_pending`
    spares a new consent that is about to take over.
    """
    ended = connection.disconnected(stores.now, erase, reason)
    stores.connections.save(ended)
    stores.syncs.stop(connection.id)
    live = stores.credentials.live_for_update(connection.id)
    pending = None if but_pending else stores.credentials.pending(connection.id)
    for credential in (live, pending):
        if credential is not None:
            let_go(stores, credential)
    return ended


def let_go(stores: Stores, credential: Credential) -> None:
    """Set a token set aside for its revocation; that it was refused, if it was, concerns nobody any more."""
    stores.credentials.retire(credential, stores.now + REVOKE_WITHIN)
    stores.failures.resolve(credential.connection_id, [f"credential:{credential.id}"])
