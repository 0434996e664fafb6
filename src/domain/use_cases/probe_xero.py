"""Ask Xero what its documentation leaves open, about a demo company."""

from domain.asking import answer_of
from domain.errors import NotADemoCompany
from domain.model.connection import Connection
from domain.model.ids import ClinicId
from domain.model.payroll import Organisation
from domain.model.probing import Probed
from domain.model.streams import Resource
from domain.model.sync import ListRequest
from domain.model.tokens import Access
from domain.ports import OpenSource, Probe, Transaction
from domain.use_cases.refresh_tokens import Refresh, with_access


def probe_xero(
    clinic_id: ClinicId, *, transaction: Transaction, refresh: Refresh, open_source: OpenSource, probe: Probe
) -> Probed | None:
    """
    Probe Xero with a clinic's consent; None where the clinic is not connected.

    What a probe reads may hold tax file numbers, so it never touches a clinic's own organisation: raises
    NotADemoCompany for any that Xero does not call one. Raises as `refresh_tokens` and `PayrollSource.ask`.
    """
    with transaction(clinic_id) as stores:
        connection = stores.connections.open_for(clinic_id)
        credential = stores.credentials.live(connection.id) if connection else None
    if connection is None or credential is None:
        return None
    return with_access(refresh, credential, lambda access: _probed(connection, access, open_source, probe))


def _probed(connection: Connection, access: Access, open_source: OpenSource, probe: Probe) -> Probed:
    assert connection.tenant is not None, "a connection with a live credential knows its organisation"  # noqa: S101
    tenant = connection.tenant
    reply = answer_of(open_source(tenant.id, None, access).ask(ListRequest(Resource.ORGANISATION)))
    if not any(isinstance(one, Organisation) and one.is_demo for one in reply.records):
        raise NotADemoCompany("Xero does not call this organisation a demo company")
    return probe(tenant, access)
