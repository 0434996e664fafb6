from datetime import timedelta

import pytest

from builders import NOW, make_connection, make_tenant
from domain.model.connection import (
    ConnectionStatus,
    Erase,
    OrganisationChoice,
    Reason,
    Region,
)
from domain.model.ids import EventId, TenantId

CHOICES = (OrganisationChoice(TenantId("a"), "Alpha"),)
NEW = {"status": ConnectionStatus.INCOMPLETE, "generation": 0, "tenant": None, "connected_at": None}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_tells_the_clinic_something(reason: Reason) -> None:
    assert reason.sentence.endswith(".")
    assert "Xero" in reason.sentence or reason in {Reason.TOKEN_UNREADABLE, Reason.REQUESTED}


@pytest.mark.parametrize(
    ("version", "country", "region"),
    [
        ("AU", "AU", Region.AU),
        ("AUONRAMP", "AU", Region.AU),
        ("NZ", "NZ", Region.NZ),
        ("NZONRAMP", "", Region.NZ),
        ("UK", "GB", Region.UK),
        ("UKONRAMP", "GB", Region.UK),
        ("", "AU", Region.AU),
        ("", "NZ", Region.NZ),
        ("", "GB", Region.UK),
        ("US", "US", None),
        ("GLOBAL", "AU", None),
        ("", "US", None),
        ("", "", None),
    ],
)
def test_the_region_is_that_of_the_version_and_of_the_country_where_there_is_none(
    version: str, country: str, region: Region | None
) -> None:
    assert Region.of(version, country) is region


@pytest.mark.parametrize(
    ("status", "is_active", "is_open"),
    [
        (ConnectionStatus.INCOMPLETE, False, True),
        (ConnectionStatus.ACTIVE, True, True),
        (ConnectionStatus.NEEDS_ATTENTION, False, True),
        (ConnectionStatus.DISCONNECTED, False, False),
    ],
)
def test_a_status_says_whether_slices_may_run(
    status: ConnectionStatus, is_active: bool, is_open: bool
) -> None:
    connection = make_connection(status=status)
    assert (connection.is_active, connection.is_open) == (is_active, is_open)


def test_activation_starts_a_new_generation_and_forgets_the_end_before() -> None:
    ended = make_connection(choices=CHOICES).disconnected(NOW, Erase.AFTER_GRACE)
    later = NOW + timedelta(days=1)
    active = ended.activated(make_tenant("tenant-2"), later).holding(EventId("event-2"))
    assert active.is_active
    assert active.generation == ended.generation + 1
    assert (active.tenant, active.connected_at) == (make_tenant("tenant-2"), later)
    assert (active.reason, active.choices, active.consent_event) == (None, (), "event-2")
    assert (active.disconnected_at, active.erase_at, active.erased_at) == (None, None, None)


def test_a_consent_that_cannot_be_used_leaves_a_working_connection_alone() -> None:
    assert make_connection().incomplete(Reason.SCOPE_MISSING, CHOICES) == make_connection()


@pytest.mark.parametrize("status", [ConnectionStatus.INCOMPLETE, ConnectionStatus.NEEDS_ATTENTION])
def test_a_consent_that_cannot_be_used_says_why(status: ConnectionStatus) -> None:
    found = make_connection(status=status).incomplete(Reason.CHOOSE_ORGANISATION, CHOICES)
    assert (found.status, found.reason, found.choices) == (status, Reason.CHOOSE_ORGANISATION, CHOICES)


def test_only_the_clinic_can_get_it_going_again() -> None:
    found = make_connection().needing_attention(Reason.CONSENT_WITHDRAWN)
    assert (found.status, found.reason) == (ConnectionStatus.NEEDS_ATTENTION, Reason.CONSENT_WITHDRAWN)
    assert found.generation == make_connection().generation


@pytest.mark.parametrize("status", ConnectionStatus)
def test_any_connection_can_be_ended_and_fences_what_started_before(status: ConnectionStatus) -> None:
    connection = make_connection(status=status, choices=CHOICES)
    ended = connection.disconnected(NOW, Erase.AFTER_GRACE)
    assert not ended.is_open
    assert ended.generation == connection.generation + 1
    assert (ended.reason, ended.choices, ended.disconnected_at) == (Reason.REQUESTED, (), NOW)
    assert ended.tenant == connection.tenant


@pytest.mark.parametrize(
    ("erase", "due_in"),
    [(Erase.NOW, timedelta()), (Erase.AFTER_GRACE, timedelta(days=7)), (Erase.NEVER, None)],
)
def test_rows_go_when_the_clinic_wants_them_to(erase: Erase, due_in: timedelta | None) -> None:
    ended = make_connection().disconnected(NOW, erase)
    assert ended.erase_at == (NOW + due_in if due_in is not None else None)
    assert ended.is_erasure_due(NOW) is (erase is Erase.NOW)
    assert ended.is_erasure_due(NOW + timedelta(days=7)) is (erase is not Erase.NEVER)


def test_a_later_wish_may_hasten_or_stop_the_erasure_and_never_draws_out_the_grace() -> None:
    ended = make_connection().disconnected(NOW, Erase.AFTER_GRACE)
    later = NOW + timedelta(days=3)
    assert ended.to_be_erased(later, Erase.AFTER_GRACE) == ended
    assert ended.to_be_erased(later, Erase.NOW).erase_at == later
    assert ended.to_be_erased(later, Erase.NEVER).erase_at is None


def test_an_open_or_erased_connection_is_not_to_be_erased() -> None:
    ended = make_connection().disconnected(NOW, Erase.NOW)
    assert not ended.erased(NOW).is_erasure_due(NOW)
    assert not make_connection(erase_at=NOW).is_erasure_due(NOW)
    assert (ended.erased(NOW).erased_at, ended.erased(NOW).erase_at) == (NOW, None)
