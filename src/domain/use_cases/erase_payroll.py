"""Erase a disconnected clinic's payroll when its grace is over."""

from enum import StrEnum

from domain.messages import ErasePayroll, PayrollErased
from domain.model.certificate import Certificate, Erased
from domain.model.connection import Connection
from domain.ports import Stores, Transaction


class EraseOutcome(StrEnum):
    """How it went."""

    ERASED = "erased"
    NOT_DUE = "not_due"


def erase_payroll(job: ErasePayroll, *, transaction: Transaction) -> EraseOutcome:
    """Delete every payroll row of the connection, certify it and say so; not if it was reconnected."""
    with transaction(job.clinic_id) as stores:
        connection = stores.connections.get_for_update(job.connection_id)
        if connection is None or not connection.is_erasure_due(stores.now):
            return EraseOutcome.NOT_DUE
        erase(stores, connection)
        return EraseOutcome.ERASED


def erase(stores: Stores, connection: Connection) -> None:
    """Erase, certify and tell; needs the connection locked."""
    rows = stores.payroll.erase(connection.id)
    stores.connections.save(connection.erased(stores.now))
    stores.certificates.issue(
        Certificate(
            clinic_id=connection.clinic_id,
            connection_id=connection.id,
            erased=Erased.PAYROLL,
            at=stores.now,
            rows=rows,
        )
    )
    tenant_id = connection.tenant.id if connection.tenant else None
    stores.outbox.add(PayrollErased(clinic_id=connection.clinic_id, tenant_id=tenant_id, rows=rows))
