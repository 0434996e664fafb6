"""Xero refuses an organisation (HTTP 403): whether that is so, why, and what the clinic is told."""

from domain.asking import answer_of
from domain.errors import AccessForbidden, RecordNotFound
from domain.model.connection import REVOKE_WITHIN, Connection, Reason
from domain.model.failures import SLICE, slice_subjects
from domain.model.kept_failure import FailureQuery
from domain.model.plans import PLANS
from domain.model.sync import ListRequest
from domain.model.tokens import Access
from domain.notices import changed
from domain.ports import Authorizer, PayrollSource, Stores, Transaction
from domain.slices.saving import SET_ASIDE

BELIEVED = 5
"""
How often an organisation that is linked has to be refused, with no slice that goes well in between: over a
minute, as slices back off.

Whether it can be read after all is asked at every so many refusals, as that may be a dozen calls.
"""


def settle_forbidden(
    connection: Connection,
    access: Access,
    source: PayrollSource,
    *,
    transaction: Transaction,
    authorizer: Authorizer,
) -> Reason | None:
    """
    Tell a disconnect made inside Xero from a lost payroll role, by Xero's own list of links.

    A refresh still works after a disconnect (https://developer.xero.com/documentation/oauth2/troubleshooting),
    so only the list tells. Either way the clinic has to act. None if Xero may think better of it: the
    organisation is linked, and was not refused for long, or can be read after all. Raises as
    `Authorizer.connections` and `PayrollSource.ask`.
    """
    tenant = connection.tenant
    links = authorizer.connections(access)
    if not any(tenant is not None and link.tenant_id == tenant.id for link in links):
        reason = Reason.DISCONNECTED_IN_XERO
    elif _refusals(connection, transaction) % BELIEVED or is_readable(connection, source):
        return None
    else:
        reason = Reason.PAYROLL_UNAVAILABLE
    with transaction(connection.clinic_id) as stores:
        _tell(stores, connection, reason)
    return reason


def _refusals(connection: Connection, transaction: Transaction) -> int:
    """How often Xero has refused it since a slice went well, this time too."""
    _, subject = slice_subjects(connection.id)
    query = FailureQuery(clinic_id=connection.clinic_id, fingerprint=f"{AccessForbidden.__name__}:{SLICE}")
    with transaction(connection.clinic_id) as stores:
        seen = stores.failures.find(query)
    return 1 + sum(one.attempts for one in seen if one.failure.subject == subject)


def _tell(stores: Stores, connection: Connection, reason: Reason) -> None:
    current = stores.connections.get_for_update(connection.id)
    if current is None or not current.is_active or current.generation != connection.generation:
        return
    noticed = current.needing_attention(reason)
    stores.connections.save(noticed)
    stores.syncs.stop(connection.id)
    stores.failures.resolve(connection.id, slice_subjects(connection.id))
    credential = stores.credentials.live_for_update(connection.id)
    if credential is not None and reason is Reason.DISCONNECTED_IN_XERO:
        stores.credentials.retire(credential, stores.now + REVOKE_WITHIN)
    stores.outbox.add(changed(noticed))


def is_readable(connection: Connection, source: PayrollSource) -> bool:
    """
    Whether Xero refuses none of the organisation's lists, payroll's first: one call where it refuses.

    A list that cannot be read for a reason of its own stops nobody. Raises as `PayrollSource.ask` otherwise.
    """
    assert connection.tenant is not None, "a connection that was active has a tenant"  # noqa: S101
    for spec in reversed(PLANS[connection.tenant.region].lists):
        try:
            answer_of(source.ask(ListRequest(spec.resource)))
        except AccessForbidden:
            return False
        except (*SET_ASIDE, RecordNotFound):
            continue
    return True
