"""The clinics' connections in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, Select, delete, exists, insert, select, text, update

from adapters.postgres.tables import connection as table
from adapters.postgres.tables import credential
from domain.model.connection import (
    Connection,
    ConnectionStatus,
    OrganisationChoice,
    Reason,
    Region,
    Tenant,
)
from domain.model.ids import ClinicId, ConnectionId, EventId, TenantId, XeroConnectionId

OPEN = table.c.status != ConnectionStatus.DISCONNECTED

HAS_TOKENS = exists(credential.c.id).where(credential.c.connection_id == table.c.id)


class PostgresConnectionStore:
    """See `domain.ports.ConnectionStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """One connection, in any state."""
        return self._one(select(table).where(table.c.id == connection_id))

    def get_for_update(self, connection_id: ConnectionId) -> Connection | None:
        """One connection, locked until the transaction ends."""
        return self._one(select(table).where(table.c.id == connection_id).with_for_update())

    def open_for(self, clinic_id: ClinicId) -> Connection | None:
        """
        The clinic's present connection, locked.

        Looks once more where there is none: having waited for a connection that has given way to another one,
        a statement sees that the first is gone, but not yet the other.
        """
        query = select(table).where(table.c.clinic_id == clinic_id, OPEN).with_for_update()
        return self._one(query) or self._one(query)

    def all_for(self, clinic_id: ClinicId) -> Sequence[Connection]:
        """Every connection the clinic ever had, newest first."""
        query = select(table).where(table.c.clinic_id == clinic_id).order_by(table.c.id.desc())
        return [_connection(row) for row in self._session.execute(query).mappings()]

    def add(self, clinic_id: ClinicId) -> Connection:
        """A new, incomplete connection."""
        values = {"clinic_id": clinic_id, "status": ConnectionStatus.INCOMPLETE}
        row = self._session.execute(insert(table).values(values).returning(table)).mappings().one()
        return _connection(row)

    def drop(self, connection: Connection) -> None:
        """Forget an incomplete connection that gave way to an earlier one; end it if it has had tokens."""
        mine = table.c.id == connection.id
        if self._session.execute(delete(table).where(mine, ~HAS_TOKENS)).rowcount == 0:
            ended = {"status": ConnectionStatus.DISCONNECTED, "erased_at": text("now()")}
            self._session.execute(update(table).where(mine).values(ended))

    def save(self, connection: Connection) -> None:
        """Keep what changed."""
        values = {**_columns(connection), "changed_at": text("now()")}
        self._session.execute(update(table).where(table.c.id == connection.id).values(values))

    def holder_of(self, tenant_id: TenantId) -> ClinicId | None:
        """The clinic that has an open connection to this organisation, whoever it is."""
        row = self._session.execute(
            text("SELECT allie_xero.holder_of(:tenant)"), {"tenant": tenant_id}
        ).scalar()
        return ClinicId(row) if row is not None else None

    def with_tenant(self, clinic_id: ClinicId, tenant_id: TenantId) -> Connection | None:
        """This clinic's ended connection to that organisation, locked, if its rows are still there."""
        query = (
            select(table)
            .where(table.c.clinic_id == clinic_id, table.c.tenant_id == tenant_id)
            .where(~OPEN, table.c.erased_at.is_(None))
            .order_by(table.c.id.desc())
            .limit(1)
        )
        return self._one(query.with_for_update())

    def _one(self, query: Select[Any]) -> Connection | None:
        row = self._session.execute(query).mappings().one_or_none()
        return _connection(row) if row is not None else None


def _columns(connection: Connection) -> Mapping[str, object]:
    tenant = connection.tenant
    return {
        "status": connection.status,
        "generation": connection.generation,
        "tenant_id": tenant.id if tenant else None,
        "tenant_name": tenant.name if tenant else None,
        "xero_connection_id": tenant.xero_connection_id if tenant else None,
        "region": tenant.region if tenant else None,
        "reason": connection.reason,
        "choices": [{"tenant_id": one.tenant_id, "name": one.name} for one in connection.choices],
        "consent_event": connection.consent_event,
        "connected_at": connection.connected_at,
        "disconnected_at": connection.disconnected_at,
        "erase_at": connection.erase_at,
        "erased_at": connection.erased_at,
    }


def _connection(row: RowMapping) -> Connection:
    return Connection(
        id=ConnectionId(row["id"]),
        clinic_id=ClinicId(row["clinic_id"]),
        status=ConnectionStatus(row["status"]),
        generation=row["generation"],
        tenant=_tenant(row),
        reason=Reason(row["reason"]) if row["reason"] else None,
        choices=tuple(OrganisationChoice(TenantId(one["tenant_id"]), one["name"]) for one in row["choices"]),
        consent_event=EventId(row["consent_event"]) if row["consent_event"] else None,
        connected_at=row["connected_at"],
        disconnected_at=row["disconnected_at"],
        erase_at=row["erase_at"],
        erased_at=row["erased_at"],
    )


def _tenant(row: RowMapping) -> Tenant | None:
    if row["tenant_id"] is None:
        return None
    return Tenant(
        id=TenantId(row["tenant_id"]),
        xero_connection_id=XeroConnectionId(row["xero_connection_id"]),
        name=row["tenant_name"],
        region=Region(row["region"]),
    )
