import pytest

from domain.model.connection import OrganisationChoice, Reason
from domain.model.consent import IDENTITY_SCOPES, REQUIRED_SCOPES, XeroConnection, choose, scope_fault
from domain.model.ids import TenantId, XeroConnectionId


def link(tenant: str, event: str | None = "now", *, is_organisation: bool = True) -> XeroConnection:
    return XeroConnection(
        id=XeroConnectionId(f"link-{tenant}"),
        tenant_id=TenantId(tenant),
        tenant_name=f"Clinic {tenant}",
        is_organisation=is_organisation,
        consent_event=event,
    )


def choice(tenant: str) -> OrganisationChoice:
    return OrganisationChoice(TenantId(tenant), f"Clinic {tenant}")


def test_the_scopes_that_are_needed_are_enough() -> None:
    assert scope_fault(REQUIRED_SCOPES) is None
    assert scope_fault(REQUIRED_SCOPES | IDENTITY_SCOPES) is None
    assert scope_fault(REQUIRED_SCOPES | {"accounting.contacts.read"}) is None


@pytest.mark.parametrize("missing", sorted(REQUIRED_SCOPES))
def test_a_missing_scope_is_a_fault(missing: str) -> None:
    assert scope_fault(REQUIRED_SCOPES - {missing}) is Reason.SCOPE_MISSING


@pytest.mark.parametrize(
    "more", ["payroll.employees", "accounting.transactions", "files", "payroll.read.all"]
)
def test_a_scope_that_could_write_is_a_fault(more: str) -> None:
    assert scope_fault(REQUIRED_SCOPES | {more}) is Reason.SCOPE_TOO_WIDE


def test_what_is_missing_is_said_before_what_is_too_much() -> None:
    assert scope_fault(frozenset({"payroll.employees"})) is Reason.SCOPE_MISSING


def test_the_one_organisation_of_this_consent_is_meant() -> None:
    assert choose([link("a", "before"), link("b")], "now", None) == link("b")


def test_of_several_the_clinic_chooses_and_the_first_is_never_taken_for_being_first() -> None:
    assert choose([link("a"), link("b"), link("c", "before")], "now", None) == (choice("a"), choice("b"))


def test_where_the_consent_does_not_say_which_it_is_all_links_count() -> None:
    assert choose([link("a", "before")], None, None) == link("a", "before")
    assert choose([link("a", "before"), link("b", None)], None, None) == (choice("a"), choice("b"))


def test_a_consent_without_an_organisation_is_none() -> None:
    assert choose([], "now", None) is Reason.NO_ORGANISATION
    assert choose([link("a", "before")], "now", None) is Reason.NO_ORGANISATION
    assert choose([link("a", is_organisation=False)], "now", None) is Reason.NO_ORGANISATION


def test_an_organisation_that_the_clinic_named_is_meant_whenever_it_was_linked() -> None:
    listed = [link("a"), link("b", "before"), link("c", is_organisation=False)]
    assert choose(listed, "now", TenantId("b")) == link("b", "before")
    assert choose(listed, "now", TenantId("c")) is Reason.NO_ORGANISATION
    assert choose(listed, "now", TenantId("d")) is Reason.NO_ORGANISATION
