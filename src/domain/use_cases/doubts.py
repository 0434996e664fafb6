"""Xero refuses an organisation (HTTP 403): why, and what the clinic is told."""

from domain.model.connection import REVOKE_WITHIN, Connection, Reason
from domain.model.tokens import Access
from domain.notices import changed
from domain.ports import Authorizer, Transaction


def settle_forbidden(
    connection: Connection, access: Access, *, transaction: Transaction, authorizer: Authorizer
) -> Reason:
    """
    Tell a disconnect made inside Xero from a lost payroll role, by Xero's own list of links.

    A refresh still works after a disconnect (https://developer.xero.com/documentation/oauth2/troubleshooting),
    so only the list tells. Either way the clinic has to act. Raises as `Authorizer.connections`.
    """
    tenant = connection.tenant
    links = authorizer.connections(access)
    is_linked = tenant is not None and any(link.tenant_id == tenant.id for link in links)
    reason = Reason.PAYROLL_UNAVAILABLE if is_linked else Reason.DISCONNECTED_IN_XERO
    with transaction(connection.clinic_id) as stores:
        current = stores.connections.get_for_update(connection.id)
        if current is None or not current.is_active or current.generation != connection.generation:
            return reason
        noticed = current.needing_attention(reason)
        stores.connections.save(noticed)
        stores.syncs.stop(connection.id)
        credential = stores.credentials.live_for_update(connection.id)
        if credential is not None and reason is Reason.DISCONNECTED_IN_XERO:
            stores.credentials.retire(credential, stores.now + REVOKE_WITHIN)
        stores.outbox.add(changed(noticed))
    return reason
