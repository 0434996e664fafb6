"""The little of the accounting API that payroll needs: the organisation and its users."""

from simulator.api.endpoint import Call, Document, Endpoint, Routes, found
from simulator.payroll.model import Membership, Organisation
from simulator.regions.listing import listing
from simulator.regions.wire import Row, ms_instant

_SCOPE = "accounting.settings.read"


def _organisation(value: Organisation, secrets: dict[str, str]) -> Row:
    return {
        "APIKey": secrets["api_key"],
        "Name": value.name,
        "LegalName": value.legal_name,
        "PaysTax": True,
        "Version": value.region,
        "OrganisationType": value.entity_type,
        "BaseCurrency": value.currency,
        "CountryCode": value.country_code,
        "IsDemoCompany": value.is_demo,
        "OrganisationStatus": value.status,
        "TaxNumber": secrets["tax_number"],
        "FinancialYearEndDay": value.financial_year_end_day,
        "FinancialYearEndMonth": value.financial_year_end_month,
        "SalesTaxBasis": "PAYMENTS" if value.region == "NZ" else "CASH",
        "SalesTaxPeriod": "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": ms_instant(value.created_at, zone=""),
        "OrganisationEntityType": value.entity_type,
        "Timezone": value.timezone,
        "ShortCode": value.short_code,
        "OrganisationID": value.id,
        "Edition": "BUSINESS",
        "Class": value.plan,
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }


def _organisations(call: Call) -> Document:
    return {"Organisations": [_organisation(call.clinic.organisation, call.clinic.secrets)]}


def _user(member: Membership) -> Row:
    return {
        "UserID": member.user_id,
        "EmailAddress": member.email,
        "FirstName": member.first_name,
        "LastName": member.last_name,
        "UpdatedDateUTC": ms_instant(member.updated_at),
        "IsSubscriber": member.is_subscriber,
        "OrganisationRole": member.role,
    }


ROUTES: Routes = {
    ("organisation",): Endpoint(_SCOPE, _organisations),
    ("organisations",): Endpoint(_SCOPE, _organisations),
    ("users",): Endpoint(
        _SCOPE,
        listing(
            "Users",
            lambda call: call.clinic.members.values(),
            lambda _, member: _user(member),
            pages=False,
        ),
    ),
    ("users", "{}"): Endpoint(
        _SCOPE, lambda call: {"Users": [_user(found(call.clinic.members, call.ids[0]))]}
    ),
}
