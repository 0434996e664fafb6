from dataclasses import replace
from datetime import timedelta

import pytest

from builders import CLINIC, make_consent, make_tenant
from contract.backends import Backend
from contract.given import connected, hold, saved
from domain.errors import StorageConflict
from domain.model.connection import (
    ConnectionStatus,
    Erase,
    OrganisationChoice,
    Reason,
)
from domain.model.ids import ClinicId, ConnectionId, EventId, TenantId
from domain.ports import Transaction

OTHER = ClinicId("clinic-2")


def test_a_new_connection_is_incomplete_and_the_clinics_present_one(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        connection = stores.connections.add(CLINIC)
    assert connection.status is ConnectionStatus.INCOMPLETE
    assert (connection.generation, connection.tenant, connection.choices) == (0, None, ())
    with transaction(CLINIC) as stores:
        assert stores.connections.get(connection.id) == connection
        assert stores.connections.get_for_update(connection.id) == connection
        assert stores.connections.open_for(CLINIC) == connection
        assert stores.connections.open_for(OTHER) is None


def test_an_unknown_connection_is_none(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        assert stores.connections.get(ConnectionId(404)) is None
        assert stores.connections.get_for_update(ConnectionId(404)) is None


def test_every_field_is_kept(transaction: Transaction) -> None:
    connection = connected(transaction)
    with transaction(CLINIC) as stores:
        full = replace(
            connection,
            status=ConnectionStatus.DISCONNECTED,
            generation=7,
            reason=Reason.CHOOSE_ORGANISATION,
            choices=(OrganisationChoice(TenantId("a"), "Alpha"), OrganisationChoice(TenantId("b"), "Beta")),
            consent_event=EventId("event-9"),
            connected_at=stores.now,
            disconnected_at=stores.now + timedelta(hours=1),
            erase_at=stores.now + timedelta(hours=2),
            erased_at=stores.now + timedelta(hours=3),
        )
        stores.connections.save(full)
    with transaction(CLINIC) as stores:
        assert stores.connections.get(connection.id) == full


def test_a_clinic_has_one_open_connection(transaction: Transaction) -> None:
    connected(transaction)
    with pytest.raises(StorageConflict), transaction(CLINIC) as stores:
        stores.connections.add(CLINIC)


def test_an_ended_connection_makes_room_for_another(transaction: Transaction) -> None:
    first = connected(transaction)
    with transaction(CLINIC) as stores:
        ended = first.disconnected(stores.now, Erase.AFTER_GRACE)
        stores.connections.save(ended)
        assert stores.connections.open_for(CLINIC) is None
        second = stores.connections.add(CLINIC)
        assert stores.connections.open_for(CLINIC) == second
        assert stores.connections.all_for(CLINIC) == [second, ended]
        assert stores.connections.all_for(OTHER) == []


def test_an_organisation_is_held_by_one_clinic_at_a_time(transaction: Transaction) -> None:
    connection = connected(transaction)
    with pytest.raises(StorageConflict):
        connected(transaction, OTHER)
    with transaction(OTHER) as stores:
        assert stores.connections.holder_of(TenantId("tenant-1")) == CLINIC
        assert stores.connections.holder_of(TenantId("tenant-2")) is None
    with transaction(CLINIC) as stores:
        stores.connections.save(connection.disconnected(stores.now, Erase.NEVER))
    with transaction(OTHER) as stores:
        assert stores.connections.holder_of(TenantId("tenant-1")) is None
    connected(transaction, OTHER)


@pytest.mark.parametrize("status", [ConnectionStatus.NEEDS_ATTENTION, ConnectionStatus.INCOMPLETE])
def test_a_connection_that_needs_somebody_still_holds_its_organisation(
    transaction: Transaction, status: ConnectionStatus
) -> None:
    saved(transaction, replace(connected(transaction), status=status))
    with transaction(OTHER) as stores:
        assert stores.connections.holder_of(TenantId("tenant-1")) == CLINIC


def test_an_ended_connection_is_found_by_its_organisation_while_its_rows_are_there(
    transaction: Transaction,
) -> None:
    connection = connected(transaction)
    tenant = TenantId("tenant-1")
    with transaction(CLINIC) as stores:
        assert stores.connections.with_tenant(CLINIC, tenant) is None
        ended = connection.disconnected(stores.now, Erase.AFTER_GRACE)
        stores.connections.save(ended)
        assert stores.connections.with_tenant(CLINIC, tenant) == ended
        assert stores.connections.with_tenant(OTHER, tenant) is None
        assert stores.connections.with_tenant(CLINIC, TenantId("tenant-2")) is None
        stores.connections.save(ended.erased(stores.now))
        assert stores.connections.with_tenant(CLINIC, tenant) is None


def test_of_several_ended_connections_to_an_organisation_the_newest_counts(transaction: Transaction) -> None:
    for _ in range(2):
        connection = connected(transaction)
        with transaction(CLINIC) as stores:
            ended = connection.disconnected(stores.now, Erase.NEVER)
            stores.connections.save(ended)
    with transaction(CLINIC) as stores:
        assert stores.connections.with_tenant(CLINIC, make_tenant().id) == ended


def test_a_dropped_connection_is_forgotten(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        connection = stores.connections.add(CLINIC)
        stores.connections.drop(connection)
        assert stores.connections.open_for(CLINIC) is None
        assert stores.connections.get(connection.id) is None


def test_a_dropped_connection_leaves_the_tokens_that_xero_must_still_be_told_of(backend: Backend) -> None:
    with backend.transaction(CLINIC) as stores:
        connection = stores.connections.add(CLINIC)
    refused = hold(backend.transaction, connection, "refused")
    with backend.transaction(CLINIC) as stores:
        stores.credentials.retire(refused, stores.now)
        stores.connections.drop(connection)
    with backend.transaction(CLINIC) as stores:
        assert stores.connections.open_for(CLINIC) is None
        assert [one.id for one in stores.credentials.to_revoke(connection.id)] == [refused.id]


def test_a_dropped_connection_may_have_had_tokens_that_are_destroyed(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        connection = stores.connections.add(CLINIC)
        stores.credentials.shred(stores.credentials.hold(connection, make_consent()))
    with transaction(CLINIC) as stores:
        stores.connections.drop(connection)
    with transaction(CLINIC) as stores:
        assert stores.connections.open_for(CLINIC) is None
