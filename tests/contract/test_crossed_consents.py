"""A clinic reconnects within the grace, twice at once: the first consent drops what the second began with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from builders import CLINIC, make_connect, make_disconnect
from domain.errors import ScopeMissing
from domain.messages import AuthorizationCode
from domain.model.connection import Connection, ConnectionStatus
from domain.model.consent import Consent
from domain.model.ids import TenantId
from domain.model.streams import Resource
from domain.model.sync import ListRequest
from domain.model.tokens import CredentialState
from domain.ports import Transaction
from domain.use_cases.complete_connection import ConnectOutcome
from fakes.service import InMemoryService, make_service

TENANT = TenantId("tenant-1")


@pytest.fixture
def service(transaction: Transaction) -> InMemoryService:
    service = replace(make_service(), transaction=transaction)
    assert connect(service) is ConnectOutcome.ACTIVE
    service.disconnect(make_disconnect())
    return service


def connect(service: InMemoryService) -> ConnectOutcome:
    return service.complete_connection(make_connect(service.authorizer.consent(TENANT), tenant_id=TENANT))


def crossed(service: InMemoryService, *actions: Callable[[InMemoryService], object]) -> ConnectOutcome:
    """Connect; all this happens while the code is exchanged."""
    exchange = service.authorizer.exchange

    def exchange_meanwhile(grant: AuthorizationCode) -> Consent:
        service.authorizer.exchange = exchange  # type: ignore[method-assign]
        for action in actions:
            action(service)
        return exchange(grant)

    service.authorizer.exchange = exchange_meanwhile  # type: ignore[method-assign]
    return connect(service)


def only(transaction: Transaction) -> Connection:
    """The one connection that there is."""
    with transaction(CLINIC) as stores:
        [connection] = stores.connections.all_for(CLINIC)
    return connection


def test_the_second_finds_the_connection_that_the_first_has_brought_back(
    service: InMemoryService, transaction: Transaction
) -> None:
    assert crossed(service, connect) is ConnectOutcome.ACTIVE
    connection = only(transaction)
    assert connection.is_active
    with transaction(CLINIC) as stores:
        assert stores.credentials.live(connection.id) is not None
        assert stores.credentials.pending(connection.id) is None
        assert len(stores.credentials.to_revoke(connection.id)) == 2, "of before, and of the first"


def test_what_was_brought_back_and_ended_again_gets_the_second_ones_tokens_for_their_revocation(
    service: InMemoryService, transaction: Transaction
) -> None:
    outcome = crossed(service, connect, lambda it: it.disconnect(make_disconnect()))
    assert outcome is ConnectOutcome.SUPERSEDED
    connection = only(transaction)
    assert connection.status is ConnectionStatus.DISCONNECTED
    with transaction(CLINIC) as stores:
        kept = stores.credentials.to_revoke(connection.id)
        assert [one.state for one in kept] == [CredentialState.REVOCATION_PENDING] * 3
        assert stores.credentials.pending(connection.id) is None


def test_what_is_wrong_with_the_second_is_told_and_its_tokens_are_let_go_of(
    service: InMemoryService, transaction: Transaction
) -> None:
    def refuse(it: InMemoryService) -> None:
        it.xero.fail(ListRequest(Resource.PAYROLL_SETTINGS), ScopeMissing("no"))

    assert crossed(service, connect, refuse) is ConnectOutcome.INCOMPLETE
    connection = only(transaction)
    assert connection.is_active
    with transaction(CLINIC) as stores:
        assert stores.credentials.pending(connection.id) is None
        assert len(stores.credentials.to_revoke(connection.id)) == 2, "of before, and of the second"


def test_the_second_is_not_lost_where_what_it_began_with_has_had_tokens(
    service: InMemoryService, transaction: Transaction
) -> None:
    """What gave way is then kept, as ended, for Xero to be told of those: no clinic has disconnected it."""
    nothing = make_connect(service.authorizer.consent())
    assert service.complete_connection(nothing) is ConnectOutcome.INCOMPLETE
    assert crossed(service, connect) is ConnectOutcome.ACTIVE
    with transaction(CLINIC) as stores:
        connection = stores.connections.open_for(CLINIC)
        assert connection is not None
        assert stores.credentials.live(connection.id) is not None
