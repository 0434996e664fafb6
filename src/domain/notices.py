"""What a clinic is told when its connection changes."""

from domain.messages import Choice, ConnectionChanged
from domain.model.connection import Connection, ConnectionStatus, OrganisationChoice, Reason
from domain.model.ids import ClinicId, EventId


def changed(
    connection: Connection,
    *,
    reason: Reason | None = None,
    choices: tuple[OrganisationChoice, ...] | None = None,
    in_reply_to: EventId | None = None,
) -> ConnectionChanged:
    """What this connection is now; `reason` and `choices` speak of a consent that was not used."""
    reason = reason or connection.reason
    offered = connection.choices if choices is None else choices
    return ConnectionChanged(
        clinic_id=connection.clinic_id,
        status=connection.status,
        reason=reason,
        message=reason.sentence if reason else None,
        tenant_id=connection.tenant.id if connection.tenant else None,
        organisation=connection.tenant.name if connection.tenant else None,
        choices=tuple(Choice(tenant_id=one.tenant_id, name=one.name) for one in offered),
        in_reply_to=in_reply_to,
    )


def not_connected(clinic_id: ClinicId, in_reply_to: EventId) -> ConnectionChanged:
    """The answer to an event about a clinic that has no connection."""
    return ConnectionChanged(
        clinic_id=clinic_id,
        status=ConnectionStatus.DISCONNECTED,
        reason=Reason.NOT_CONNECTED,
        message=Reason.NOT_CONNECTED.sentence,
        in_reply_to=in_reply_to,
    )
