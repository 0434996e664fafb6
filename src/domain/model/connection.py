"""A clinic's connection to one Xero organisation, and what a clinic is told about it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.model.ids import ClinicId, ConnectionId, EventId, TenantId, XeroConnectionId

ERASE_GRACE = timedelta(days=7)
"""How long hidden payroll is kept after a disconnect, so that reconnecting needs no new backfill."""

REVOKE_WITHIN = timedelta(hours=24)
"""How long a token may stay sealed after a disconnect while Xero cannot be told of it."""


class ConnectionStatus(StrEnum):
    """Whether a clinic's payroll is being kept fresh."""

    INCOMPLETE = "incomplete"
    ACTIVE = "active"
    NEEDS_ATTENTION = "needs_attention"
    DISCONNECTED = "disconnected"


class Reason(StrEnum):
    """Why a connection is not active; `sentence` tells the clinic what to do."""

    CODE_EXPIRED_OR_USED = "code_expired_or_used"
    SCOPE_MISSING = "scope_missing"
    SCOPE_TOO_WIDE = "scope_too_wide"
    NO_ORGANISATION = "no_organisation"
    CHOOSE_ORGANISATION = "choose_organisation"
    ORGANISATION_TAKEN = "organisation_taken"
    PAYROLL_UNAVAILABLE = "payroll_unavailable"
    REGION_UNSUPPORTED = "region_unsupported"
    TOKEN_UNREADABLE = "token_unreadable"  # noqa: S105
    CHECK_FAILED = "check_failed"
    CONSENT_LAPSED = "consent_lapsed"
    DISCONNECTED_IN_XERO = "disconnected_in_xero"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    NOT_CONNECTED = "not_connected"
    REQUESTED = "requested"

    @property
    def sentence(self) -> str:
        """What a clinic's manager should read."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.CODE_EXPIRED_OR_USED: (
        "Xero's confirmation had expired or was used before it reached us. Please click Connect again."
    ),
    Reason.SCOPE_MISSING: (
        "The permission given in Xero does not cover all of the payroll data that Allie reads. "
        "Please connect again and allow everything that is listed."
    ),
    Reason.SCOPE_TOO_WIDE: (
        "The permission given in Xero would also let Allie change data, which Allie never does. "
        "Please contact Allie's support; nothing was read."
    ),
    Reason.NO_ORGANISATION: (
        "No Xero organisation was chosen. Please connect again and pick your clinic's organisation."
    ),
    Reason.CHOOSE_ORGANISATION: (
        "Several Xero organisations were allowed. Please choose the one that belongs to this clinic."
    ),
    Reason.ORGANISATION_TAKEN: (
        "This Xero organisation is already connected to another clinic in Allie. "
        "Disconnect it there first, or choose another organisation."
    ),
    Reason.PAYROLL_UNAVAILABLE: (
        "Xero does not let this user read payroll. Please finish the payroll set-up in Xero, or let a user "
        "with payroll administrator access connect."
    ),
    Reason.REGION_UNSUPPORTED: (
        "Xero offers payroll to other applications only in Australia, New Zealand and the United Kingdom."
    ),
    Reason.TOKEN_UNREADABLE: ("The connection could not be handed over safely. Please click Connect again."),
    Reason.CHECK_FAILED: (
        "Xero's answers were not what Allie expects, so your permission could not be checked yet. "
        "Allie's support looks into it and goes on from here; connecting again does no harm."
    ),
    Reason.CONSENT_LAPSED: (
        "The permission given in Xero was not used for a week, so Allie has let go of it. "
        "Please connect again."
    ),
    Reason.DISCONNECTED_IN_XERO: (
        "Allie was disconnected inside Xero, or the user who connected it lost access. "
        "Please connect again to keep your figures up to date."
    ),
    Reason.CONSENT_WITHDRAWN: "Xero no longer accepts our permission. Please connect again.",
    Reason.NOT_CONNECTED: "This clinic is not connected to Xero. Please click Connect.",
    Reason.REQUESTED: "The connection was ended as requested.",
}


class Region(StrEnum):
    """The countries whose payroll Xero opens to applications."""

    AU = "AU"
    NZ = "NZ"
    UK = "UK"

    @classmethod
    def of(cls, version: str, country_code: str) -> Self | None:
        """
        The payroll region of an organisation, by its `Version`, checked by its country.

        Versions also come as AUONRAMP and the like; the country of the UK is GB
        (Xero-OpenAPI, xero_accounting.yaml).
        """
        for region in cls:
            if version in (region.value, f"{region.value}ONRAMP"):
                return region
        return {"AU": cls.AU, "NZ": cls.NZ, "GB": cls.UK}.get(country_code) if not version else None


class Erase(StrEnum):
    """What happens to payroll rows after a disconnect."""

    AFTER_GRACE = "after_grace"
    NOW = "now"
    NEVER = "never"

    def due_at(self, now: datetime) -> datetime | None:
        """When the rows go, or None for never."""
        return {
            Erase.NOW: now,
            Erase.AFTER_GRACE: now + ERASE_GRACE,
            Erase.NEVER: None,
        }[self]


@dataclass(frozen=True, slots=True)
class OrganisationChoice:
    """An organisation that the clinic may choose."""

    tenant_id: TenantId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The Xero organisation behind a connection."""

    id: TenantId
    xero_connection_id: XeroConnectionId
    name: str
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """
    One clinic's link to one organisation, through all its disconnects and reconnects.

    `generation` rises with every activation and every disconnect; a write that started under an older one is
    refused. `consent_event` is the connect event whose grant we hold.
    """

    id: ConnectionId
    clinic_id: ClinicId
    status: ConnectionStatus
    generation: int = 0
    tenant: Tenant | None = None
    reason: Reason | None = None
    choices: tuple[OrganisationChoice, ...] = ()
    consent_event: EventId | None = None
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    erase_at: datetime | None = None
    erased_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether slices may run."""
        return self.status is ConnectionStatus.ACTIVE

    @property
    def is_open(self) -> bool:
        """Whether it is this clinic's present connection."""
        return self.status is not ConnectionStatus.DISCONNECTED

    @property
    def has_given_way(self) -> bool:
        """Whether it has ended because an earlier connection goes on in its place; nobody disconnected it."""
        return not self.is_open and self.disconnected_at is None

    def holding(self, consent_event: EventId) -> Self:
        """A consent has arrived and its tokens are held."""
        return replace(self, consent_event=consent_event)

    def activated(self, tenant: Tenant, now: datetime) -> Self:
        """The clinic's payroll can be read from now on."""
        return replace(
            self,
            status=ConnectionStatus.ACTIVE,
            generation=self.generation + 1,
            tenant=tenant,
            reason=None,
            choices=(),
            connected_at=now,
            disconnected_at=None,
            erase_at=None,
            erased_at=None,
        )

    def incomplete(self, reason: Reason, choices: tuple[OrganisationChoice, ...] = ()) -> Self:
        """This consent cannot be used as it is; what an earlier one keeps alive goes on."""
        if self.is_active:
            return self
        attention = self.status is ConnectionStatus.NEEDS_ATTENTION
        status = self.status if attention else ConnectionStatus.INCOMPLETE
        return replace(self, status=status, reason=reason, choices=choices)

    def needing_attention(self, reason: Reason) -> Self:
        """It cannot go on for now; the clinic may be able to mend it."""
        return replace(self, status=ConnectionStatus.NEEDS_ATTENTION, reason=reason)

    def resumed(self) -> Self:
        """What it waited for has come by itself."""
        return replace(self, status=ConnectionStatus.ACTIVE, reason=None, choices=())

    def disconnected(self, now: datetime, erase: Erase, reason: Reason = Reason.REQUESTED) -> Self:
        """The end, in any state; raises the generation, so that nothing started before can write."""
        return replace(
            self,
            status=ConnectionStatus.DISCONNECTED,
            generation=self.generation + 1,
            reason=reason,
            choices=(),
            disconnected_at=now,
            erase_at=erase.due_at(now),
        )

    def to_be_erased(self, now: datetime, erase: Erase) -> Self:
        """A later wish about the rows of an ended connection; the grace it has is not drawn out."""
        if erase is Erase.AFTER_GRACE:
            return self
        return replace(self, erase_at=erase.due_at(now))

    def is_erasure_due(self, now: datetime) -> bool:
        """Whether the rows of an ended connection have to go now."""
        ended = not self.is_open and self.erased_at is None
        return ended and self.erase_at is not None and self.erase_at <= now

    def erased(self, now: datetime) -> Self:
        """The rows are gone."""
        return replace(self, erased_at=now, erase_at=None)
