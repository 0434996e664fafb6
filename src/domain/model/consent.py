"""What a clinic's consent covers, and which organisation it means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.model.connection import OrganisationChoice, Reason
from domain.model.ids import TenantId, XeroConnectionId, XeroUserId
from domain.model.tokens import Credential, CredentialState, TokenSet

REQUIRED_SCOPES = frozenset(
    {
        "offline_access",
        "accounting.settings.read",
        "payroll.employees.read",
        "payroll.payruns.read",
        "payroll.payslip.read",
        "payroll.settings.read",
        "payroll.timesheets.read",
    }
)
"""The least that a sync needs (https://developer.xero.com/documentation/guides/oauth2/scopes)."""

IDENTITY_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


def scope_fault(granted: frozenset[str]) -> Reason | None:
    """What is wrong with the granted scopes: one is missing, or one could write."""
    if not granted >= REQUIRED_SCOPES:
        return Reason.SCOPE_MISSING
    if any(not scope.endswith(".read") for scope in granted - IDENTITY_SCOPES):
        return Reason.SCOPE_TOO_WIDE
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A token set fresh from its consent, with what its access token says of it."""

    tokens: TokenSet
    user_id: XeroUserId | None
    consent_event: str | None
    user_name: str | None = None
    user_email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XeroConnection:
    """One entry of Xero's connections list: a tenant that a user has linked to our app."""

    id: XeroConnectionId
    tenant_id: TenantId
    tenant_name: str
    is_organisation: bool
    consent_event: str | None


def choose(
    listed: Iterable[XeroConnection], consent_event: str | None, wanted: TenantId | None
) -> XeroConnection | Reason | tuple[OrganisationChoice, ...]:
    """
    The one organisation this consent means; or why there is none; or the several to choose from.

    Xero lists every organisation that this user ever linked, so only those of this very consent count,
    unless the clinic named one. The first in the list is never taken for being first.
    """
    organisations = [one for one in listed if one.is_organisation]
    if wanted is not None:
        named = [one for one in organisations if one.tenant_id == wanted]
        return named[0] if named else Reason.NO_ORGANISATION
    meant = [one for one in organisations if consent_event is None or one.consent_event == consent_event]
    if not meant:
        return Reason.NO_ORGANISATION
    if len(meant) == 1:
        return meant[0]
    return tuple(OrganisationChoice(one.tenant_id, one.tenant_name) for one in meant)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentUse:
    """What one consent of a Xero user is used for here, by whichever clinic."""

    state: CredentialState
    link: XeroConnectionId | None
    consent_event: str | None

    @property
    def is_in_use(self) -> bool:
        """Whether a connection lives on it, or may soon."""
        return self.state in (CredentialState.PENDING, CredentialState.LIVE)


def links_to_end(
    credential: Credential, links: Sequence[XeroConnection], others: Sequence[ConsentUse]
) -> list[XeroConnection]:
    """
    The links at Xero that stand for this token set and for nothing else.

    A later consent of the same user to the same organisation takes the link over, under the same id. So a
    link is left alone while a connection lives on it or on its consent, and while its consent is not known
    here yet.
    """
    in_use = [one for one in others if one.is_in_use]
    spent = {credential.consent_event, *(one.consent_event for one in others)}
    spent -= {one.consent_event for one in in_use}
    return [
        link
        for link in links
        if (link.id == credential.xero_connection_id or link.consent_event == credential.consent_event)
        and link.id not in {one.link for one in in_use}
        and link.consent_event in spent
    ]
