"""Whether a consent can be used, and for which organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from domain.asking import answer_of
from domain.errors import (
    AccessForbidden,
    ConsentWithdrawn,
    RecordNotFound,
    RequestRefused,
    ScopeMissing,
)
from domain.model.connection import OrganisationChoice, Reason, Region, Tenant
from domain.model.consent import XeroConnection, choose, scope_fault
from domain.model.ids import TenantId
from domain.model.payroll import Organisation
from domain.model.plans import PLANS
from domain.model.streams import Resource
from domain.model.sync import ListRequest, Reply
from domain.model.tokens import Access, Credential
from domain.ports import Authorizer, OpenSource, Transaction
from domain.use_cases.refresh_tokens import Refresh, with_access


class Refused(Exception):
    """
    This consent cannot be used, and why; `choices` are the organisations to choose from.

    `is_doubtful`: Xero may think better of it (HTTP 403).
    """

    def __init__(
        self, reason: Reason, choices: tuple[OrganisationChoice, ...] = (), *, is_doubtful: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.choices = choices
        self.is_doubtful = is_doubtful


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A consent that has passed: its organisation, the consent its link stands for, and what was read."""

    tenant: Tenant
    consent_event: str | None
    replies: tuple[tuple[Resource, Reply], ...]


def check_consent(
    credential: Credential,
    wanted: TenantId | None,
    *,
    take_over: bool,
    transaction: Transaction,
    authorizer: Authorizer,
    open_source: OpenSource,
    refresh: Refresh,
) -> Checked:
    """
    Check scopes, organisation, payroll access and region, in this order.

    `take_over` rotates the token set first, so that a copy held elsewhere is of no use. Raises Refused;
    TransientError while Xero is away; PermanentError where its answer is no state that a clinic may be in.
    """
    fault = scope_fault(credential.scopes)
    if fault is not None:
        raise Refused(fault)
    try:
        if take_over:
            refresh(credential.clinic_id, credential.id, even_if_fresh=True)
        listed = with_access(refresh, credential, authorizer.connections)
        link = _link(listed, credential.consent_event, wanted)
    except ConsentWithdrawn:
        raise Refused(Reason.CONSENT_WITHDRAWN) from None
    except AccessForbidden:
        raise Refused(Reason.CONSENT_WITHDRAWN, is_doubtful=True) from None
    except ScopeMissing:
        raise Refused(Reason.SCOPE_MISSING) from None
    with transaction(credential.clinic_id) as stores:
        holder = stores.connections.holder_of(link.tenant_id)
    if holder not in (None, credential.clinic_id):
        raise Refused(Reason.ORGANISATION_TAKEN)
    return with_access(refresh, credential, partial(_probe, link, open_source))


def _link(
    listed: Sequence[XeroConnection], consent_event: str | None, wanted: TenantId | None
) -> XeroConnection:
    chosen = choose(listed, consent_event, wanted)
    match chosen:
        case XeroConnection():
            return chosen
        case Reason():
            raise Refused(chosen)
        case _:
            raise Refused(Reason.CHOOSE_ORGANISATION, chosen)


def _probe(link: XeroConnection, open_source: OpenSource, access: Access) -> Checked:
    """
    Read the organisation and one payroll resource: only trying tells whether we may.

    What Xero answers where payroll was never set up is not documented: any refusal is taken for that.
    """
    try:
        source = open_source(link.tenant_id, None, access)
        organisation = answer_of(source.ask(ListRequest(Resource.ORGANISATION)))
    except AccessForbidden:
        raise Refused(Reason.DISCONNECTED_IN_XERO, is_doubtful=True) from None
    except ScopeMissing:
        raise Refused(Reason.SCOPE_MISSING) from None
    region = _region(organisation)
    try:
        source = open_source(link.tenant_id, region, access)
        settings = answer_of(source.ask(ListRequest(Resource.PAYROLL_SETTINGS)))
    except AccessForbidden:
        raise Refused(Reason.PAYROLL_UNAVAILABLE, is_doubtful=True) from None
    except (ScopeMissing, RecordNotFound, RequestRefused):
        raise Refused(Reason.PAYROLL_UNAVAILABLE) from None
    tenant = Tenant(id=link.tenant_id, xero_connection_id=link.id, name=link.tenant_name, region=region)
    replies = ((Resource.ORGANISATION, organisation), (Resource.PAYROLL_SETTINGS, settings))
    return Checked(tenant=tenant, consent_event=link.consent_event, replies=replies)


def _region(reply: Reply) -> Region:
    for record in reply.records:
        if isinstance(record, Organisation) and record.region in PLANS:
            return record.region
    raise Refused(Reason.REGION_UNSUPPORTED)
