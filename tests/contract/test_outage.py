from builders import CLINIC
from contract.given import connected, request
from domain.model.ids import ConnectionId
from domain.model.outage import Outage
from domain.ports import Transaction


def test_nothing_is_known_at_first(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        assert stores.outage.get() == stores.outage.get_for_update() == Outage()


def test_what_is_known_is_kept_and_replaced(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        first = Outage().failed(ConnectionId(1), stores.now)
        stores.outage.save(first)
    with transaction(CLINIC) as stores:
        assert stores.outage.get() == stores.outage.get_for_update() == first
        second = first.failed(ConnectionId(2), stores.now)
        stores.outage.save(second)
        assert stores.outage.get() == second
        stores.outage.save(Outage())
        assert stores.outage.get() == Outage()


def test_what_was_asked_for_is_told_from_what_the_clock_queued(transaction: Transaction) -> None:
    connection = connected(transaction)
    with transaction(CLINIC) as stores:
        assert stores.syncs.is_requested(connection.id) is False
        request(stores, connection)
        assert stores.syncs.is_requested(connection.id) is True
