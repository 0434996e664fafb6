"""The clinics' connections in memory."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

from domain.errors import StorageConflict
from domain.model.connection import Connection, ConnectionStatus
from domain.model.ids import ClinicId, ConnectionId, TenantId


class InMemoryConnectionStore:
    """See `domain.ports.ConnectionStore`."""

    def __init__(self) -> None:
        self.rows: dict[ConnectionId, Connection] = {}
        self.claimed_until: dict[ConnectionId, datetime] = {}
        self._ids = count(1)

    def get(self, connection_id: ConnectionId) -> Connection | None:
        return self.rows.get(connection_id)

    def get_for_update(self, connection_id: ConnectionId) -> Connection | None:
        return self.rows.get(connection_id)

    def open_for(self, clinic_id: ClinicId) -> Connection | None:
        return self._newest(lambda one: one.clinic_id == clinic_id and one.is_open)

    def all_for(self, clinic_id: ClinicId) -> Sequence[Connection]:
        return [one for one in reversed(self.rows.values()) if one.clinic_id == clinic_id]

    def add(self, clinic_id: ClinicId) -> Connection:
        connection = Connection(
            id=ConnectionId(next(self._ids)), clinic_id=clinic_id, status=ConnectionStatus.INCOMPLETE
        )
        self.save(connection)
        return connection

    def drop(self, connection: Connection) -> None:
        del self.rows[connection.id]

    def save(self, connection: Connection) -> None:
        others = [one for one in self.rows.values() if one.id != connection.id and one.is_open]
        if connection.is_open and any(_clash(connection, one) for one in others):
            raise StorageConflict("somebody else was first")
        self.rows[connection.id] = connection

    def holder_of(self, tenant_id: TenantId) -> ClinicId | None:
        found = self._newest(lambda one: one.is_open and _tenant_id(one) == tenant_id)
        return found.clinic_id if found else None

    def with_tenant(self, clinic_id: ClinicId, tenant_id: TenantId) -> Connection | None:
        return self._newest(
            lambda one: (
                one.clinic_id == clinic_id
                and _tenant_id(one) == tenant_id
                and not one.is_open
                and one.erased_at is None
            )
        )

    def _newest(self, is_meant: Callable[[Connection], bool]) -> Connection | None:
        return next((one for one in reversed(self.rows.values()) if is_meant(one)), None)


def _tenant_id(connection: Connection) -> TenantId | None:
    return connection.tenant.id if connection.tenant else None


def _clash(one: Connection, other: Connection) -> bool:
    """A clinic has one open connection, and an organisation belongs to one."""
    same_tenant = one.tenant is not None and _tenant_id(one) == _tenant_id(other)
    return one.clinic_id == other.clinic_id or same_tenant
