"""Organisation and users: the accounting API, the same in every country."""

from collections.abc import Iterator

import msgspec

from adapters.xero import values
from adapters.xero.readings import Part, Reading
from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.payroll import AccountUser, Organisation, Record
from domain.model.streams import Resource


class OrganisationStruct(msgspec.Struct):
    """What is read of an organisation; its tax number and its Xero-to-Xero key are not."""

    OrganisationID: str
    Name: str
    LegalName: str | None = None
    Version: str | None = None
    CountryCode: str | None = None
    BaseCurrency: str | None = None
    Timezone: str | None = None
    OrganisationStatus: str | None = None
    OrganisationType: str | None = None
    Class: str | None = None
    IsDemoCompany: bool | None = None
    FinancialYearEndDay: int | None = None
    FinancialYearEndMonth: int | None = None
    CreatedDateUTC: str | None = None


class UserStruct(msgspec.Struct):
    """What is read of a user."""

    UserID: str
    EmailAddress: str | None = None
    FirstName: str | None = None
    LastName: str | None = None
    OrganisationRole: str | None = None
    IsSubscriber: bool | None = None
    UpdatedDateUTC: str | None = None


def organisation(found: OrganisationStruct) -> Iterator[Record]:
    """Organisation settings."""
    yield Organisation(
        id=TenantId(found.OrganisationID),
        name=values.text(found.Name) or "",
        legal_name=values.text(found.LegalName),
        region=Region.of(found.Version or "", found.CountryCode or ""),
        version=values.text(found.Version),
        country_code=values.text(found.CountryCode),
        currency=values.text(found.BaseCurrency),
        timezone=values.text(found.Timezone),
        status=values.word(found.OrganisationStatus),
        organisation_type=values.word(found.OrganisationType),
        plan=values.word(found.Class),
        is_demo=found.IsDemoCompany,
        financial_year_end_day=found.FinancialYearEndDay,
        financial_year_end_month=found.FinancialYearEndMonth,
        created_at=values.instant(found.CreatedDateUTC),
    )


def user(found: UserStruct) -> Iterator[Record]:
    """A user of the organisation."""
    yield AccountUser(
        id=SourceId(found.UserID),
        email=values.text(found.EmailAddress),
        first_name=values.text(found.FirstName),
        last_name=values.text(found.LastName),
        role=values.word(found.OrganisationRole),
        is_subscriber=found.IsSubscriber,
        source_updated_at=values.instant(found.UpdatedDateUTC),
    )


READINGS = {
    Resource.ORGANISATION: Reading(
        api="accounting",
        method="get_organisations",
        parts=(Part(("Organisations",), OrganisationStruct, organisation, "OrganisationID"),),
    ),
    Resource.USERS: Reading(
        api="accounting",
        method="get_users",
        since_argument="if_modified_since",
        parts=(Part(("Users",), UserStruct, user, "UserID"),),
    ),
}
