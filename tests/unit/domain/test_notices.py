import pytest

from builders import CLINIC, make_connection
from domain.messages import Choice, ConnectionChanged
from domain.model.connection import ConnectionStatus, OrganisationChoice, Reason
from domain.model.ids import EventId, TenantId
from domain.notices import changed, not_connected

CHOICES = (OrganisationChoice(TenantId("a"), "Alpha"),)


def test_an_active_connection_is_told_with_its_organisation() -> None:
    assert changed(make_connection()) == ConnectionChanged(
        clinic_id=CLINIC,
        status=ConnectionStatus.ACTIVE,
        tenant_id=TenantId("tenant-1"),
        organisation="Clinic tenant-1",
    )


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_told_in_words(reason: Reason) -> None:
    told = changed(
        make_connection(tenant=None, reason=reason, choices=CHOICES), in_reply_to=EventId("event-1")
    )
    assert (told.reason, told.message) == (reason, reason.sentence)
    assert told.choices == (Choice(tenant_id=TenantId("a"), name="Alpha"),)
    assert (told.tenant_id, told.organisation, told.in_reply_to) == (None, None, "event-1")


def test_what_is_said_of_a_consent_that_was_not_used_is_not_the_connections() -> None:
    told = changed(make_connection(choices=CHOICES), reason=Reason.SCOPE_MISSING, choices=())
    assert (told.status, told.reason, told.choices) == (ConnectionStatus.ACTIVE, Reason.SCOPE_MISSING, ())


def test_a_clinic_without_a_connection_is_told_to_connect() -> None:
    told = not_connected(CLINIC, EventId("event-1"))
    assert (told.status, told.reason) == (ConnectionStatus.DISCONNECTED, Reason.NOT_CONNECTED)
    assert (told.message, told.in_reply_to) == (Reason.NOT_CONNECTED.sentence, "event-1")
