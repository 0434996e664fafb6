"""What tests of the contract start from."""

from builders import CLINIC, make_consent, make_tenant
from domain.model.connection import Connection
from domain.model.ids import ClinicId
from domain.model.plans import AU
from domain.model.streams import Stream
from domain.model.sync import Lease, Mode, Sync
from domain.model.tokens import Credential
from domain.ports import Stores, Transaction


def connected(transaction: Transaction, clinic: str = CLINIC, tenant: str = "tenant-1") -> Connection:
    """A clinic with an active connection."""
    with transaction(ClinicId(clinic)) as stores:
        connection = stores.connections.add(ClinicId(clinic)).activated(make_tenant(tenant), stores.now)
        stores.connections.save(connection)
    return connection


def hold(transaction: Transaction, connection: Connection, name: str = "1", **consent: object) -> Credential:
    """A consent's tokens, held as pending."""
    with transaction(connection.clinic_id) as stores:
        return stores.credentials.hold(connection, make_consent(name, **consent))


def live(transaction: Transaction, connection: Connection, name: str = "1", **consent: object) -> Credential:
    """A consent's tokens, in use."""
    pending = hold(transaction, connection, name, **consent)
    with transaction(connection.clinic_id) as stores:
        stores.credentials.activate(pending, connection)
        found = stores.credentials.live(connection.id)
    assert found is not None
    return found


def request(stores: Stores, connection: Connection, mode: Mode = Mode.CHANGES, *streams: Stream) -> bool:
    """Ask for a pass, over all streams if none are named."""
    return stores.syncs.request(
        connection,
        mode=mode,
        streams=frozenset(streams) or AU.streams(),
        requested_by="somebody",
        traceparent="00-trace",
    )


def leased(transaction: Transaction, connection: Connection) -> Lease:
    """The lease of a connection with a pass queued."""
    with transaction(connection.clinic_id) as stores:
        request(stores, connection)
        lease = stores.syncs.lease(connection.id)
    assert lease is not None
    return lease


def under_way(transaction: Transaction, connection: Connection) -> Sync:
    """A pass that has been started."""
    with transaction(connection.clinic_id) as stores:
        request(stores, connection)
        sync = stores.syncs.start_next(connection.id)
    assert sync is not None
    return sync


def saved(transaction: Transaction, connection: Connection) -> None:
    """Keep a connection as it is."""
    with transaction(connection.clinic_id) as stores:
        stores.connections.save(connection)
