"""What is known of a token set, between a row and the domain; never its tokens' ciphertext."""

from sqlalchemy import RowMapping

from adapters.postgres.sealing import Binding
from adapters.postgres.tables import credential as table
from domain.model.ids import (
    ClinicId,
    ConnectionId,
    CredentialId,
    TenantId,
    XeroConnectionId,
    XeroUserId,
)
from domain.model.tokens import Credential, CredentialState

COLUMNS = (
    table.c.id,
    table.c.connection_id,
    table.c.clinic_id,
    table.c.generation,
    table.c.state,
    table.c.tenant_id,
    table.c.user_id,
    table.c.xero_connection_id,
    table.c.consent_event,
    table.c.scopes,
    table.c.version,
    table.c.obtained_at,
    table.c.access_expires_at,
    table.c.previous_until,
    table.c.lease_epoch,
    table.c.lease_until,
    table.c.intent_at,
    table.c.cooldown_until,
    table.c.revoke_by,
)

WRAPPED = (
    table.c.id,
    table.c.clinic_id,
    table.c.tenant_id,
    table.c.connection_id,
    table.c.generation,
    table.c.version,
    table.c.data_key,
)
"""What it takes to seal a data key anew, and no more: the dispatcher may read nothing else that is sealed."""


def binding_of(row: RowMapping) -> Binding:
    """What a row of `WRAPPED` is bound to."""
    return Binding(
        tenant_id=row["tenant_id"],
        connection_id=row["connection_id"],
        generation=row["generation"],
        credential_id=row["id"],
        version=row["version"],
    )


def state_of(credential: Credential) -> dict[str, object]:
    """The columns that a refresh changes."""
    return {
        "scopes": sorted(credential.scopes),
        "version": credential.version,
        "obtained_at": credential.obtained_at,
        "access_expires_at": credential.access_expires_at,
        "previous_until": credential.previous_until,
        "lease_epoch": credential.lease_epoch,
        "lease_until": credential.lease_until,
        "intent_at": credential.intent_at,
        "cooldown_until": credential.cooldown_until,
    }


def credential_of(row: RowMapping) -> Credential:
    """A row of `COLUMNS` as the domain sees it."""
    return Credential(
        id=CredentialId(row["id"]),
        connection_id=ConnectionId(row["connection_id"]),
        clinic_id=ClinicId(row["clinic_id"]),
        generation=row["generation"],
        state=CredentialState(row["state"]),
        tenant_id=TenantId(row["tenant_id"]) if row["tenant_id"] else None,
        user_id=XeroUserId(row["user_id"]) if row["user_id"] else None,
        xero_connection_id=(
            XeroConnectionId(row["xero_connection_id"]) if row["xero_connection_id"] else None
        ),
        consent_event=row["consent_event"],
        scopes=frozenset(row["scopes"]),
        version=row["version"],
        obtained_at=row["obtained_at"],
        access_expires_at=row["access_expires_at"],
        previous_until=row["previous_until"],
        lease_epoch=row["lease_epoch"],
        lease_until=row["lease_until"],
        intent_at=row["intent_at"],
        cooldown_until=row["cooldown_until"],
        revoke_by=row["revoke_by"],
    )
