"""Values with sensible defaults, so that a test says only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from domain.messages import (
    AuthorizationCode,
    ConnectCompleted,
    DeadLetter,
    Disconnect,
    EventHeader,
    Grant,
    SyncRequested,
)
from domain.model.connection import Connection, ConnectionStatus, Region, Tenant
from domain.model.consent import REQUIRED_SCOPES, Consent
from domain.model.failures import Failure, FailureState
from domain.model.ids import (
    ClinicId,
    ConnectionId,
    CredentialId,
    EventId,
    SyncId,
    TenantId,
    XeroConnectionId,
    XeroUserId,
)
from domain.model.plans import AU
from domain.model.sync import Lease, Mode, Reply, Sync
from domain.model.tokens import Access, Credential, CredentialState, HeldTokens, Secret, TokenSet

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CLINIC = ClinicId("clinic-1")
TENANT = TenantId("tenant-1")


def make_tenant(name: str = "tenant-1", **changes: Any) -> Tenant:
    values = {
        "id": TenantId(name),
        "xero_connection_id": XeroConnectionId(f"link-of-{name}"),
        "name": f"Clinic {name}",
        "region": Region.AU,
    }
    return Tenant(**{**values, **changes})


def make_connection(**changes: Any) -> Connection:
    values = {
        "id": ConnectionId(1),
        "clinic_id": CLINIC,
        "status": ConnectionStatus.ACTIVE,
        "generation": 1,
        "tenant": make_tenant(),
        "connected_at": NOW,
    }
    return Connection(**{**values, **changes})


def make_tokens(name: str = "1", **changes: Any) -> TokenSet:
    values = {
        "access_token": Secret(f"access-{name}"),
        "refresh_token": Secret(f"refresh-{name}"),
        "life": timedelta(minutes=30),
        "scopes": REQUIRED_SCOPES,
    }
    return TokenSet(**{**values, **changes})


def make_consent(name: str = "1", **changes: Any) -> Consent:
    values = {
        "tokens": make_tokens(name),
        "user_id": XeroUserId("user-1"),
        "consent_event": f"consent-{name}",
        "user_name": "Olivia Owner",
        "user_email": "olivia@clinic.test",
    }
    return Consent(**{**values, **changes})


def make_credential(**changes: Any) -> Credential:
    values = {
        "id": CredentialId(1),
        "connection_id": ConnectionId(1),
        "clinic_id": CLINIC,
        "generation": 1,
        "state": CredentialState.LIVE,
        "tenant_id": TENANT,
        "user_id": XeroUserId("user-1"),
        "scopes": REQUIRED_SCOPES,
        "version": 0,
        "obtained_at": NOW,
        "access_expires_at": NOW + timedelta(minutes=30),
    }
    return Credential(**{**values, **changes})


def make_held(name: str = "1", previous: str | None = None) -> HeldTokens:
    held = HeldTokens.of(make_tokens(name))
    return replace(held, previous=Secret(f"refresh-{previous}") if previous else None)


def make_access(name: str = "1", version: int = 0) -> Access:
    return Access(Secret(f"access-{name}"), version)


def make_header(name: str | None = None, **changes: Any) -> EventHeader:
    return EventHeader(**{"id": EventId(name or str(uuid4())), "source": "allie-platform", **changes})


def make_connect(grant: Grant | None = None, **changes: Any) -> ConnectCompleted:
    values = {"header": make_header(), "clinic_id": CLINIC, "grant": grant}
    return ConnectCompleted(**{**values, **changes})


def make_code(name: str = "code-1") -> AuthorizationCode:
    return AuthorizationCode(code=Secret(name), redirect_uri="https://allie.test/back")


def make_request(**changes: Any) -> SyncRequested:
    return SyncRequested(**{"header": make_header(), "clinic_id": CLINIC, **changes})


def make_disconnect(**changes: Any) -> Disconnect:
    return Disconnect(**{"header": make_header(), "clinic_id": CLINIC, **changes})


def make_dead_letter(**changes: Any) -> DeadLetter:
    values = {"queue": "allie-xero.connect", "code": "not_json", "is_readable": False}
    return DeadLetter(**{**values, "digest": "ab" * 32, "size": 12, **changes})


def make_failure(**changes: Any) -> Failure:
    values = {
        "state": FailureState.FAILED,
        "error": "RequestRefused",
        "place": "sync",
        "subject": "employee:employee-1",
        "clinic_id": CLINIC,
        "connection_id": ConnectionId(1),
    }
    return Failure(**{**values, **changes})


def make_lease(**changes: Any) -> Lease:
    values = {
        "connection_id": ConnectionId(1),
        "clinic_id": CLINIC,
        "generation": 1,
        "epoch": 1,
        "length": timedelta(seconds=45),
    }
    return Lease(**{**values, **changes})


def make_sync(**changes: Any) -> Sync:
    values = {
        "id": SyncId(1),
        "connection_id": ConnectionId(1),
        "clinic_id": CLINIC,
        "mode": Mode.CHANGES,
        "streams": AU.streams(),
        "requested_at": NOW,
    }
    return Sync(**{**values, **changes})


def make_reply(*records: Any, **changes: Any) -> Reply:
    return Reply(**{"records": records, "at": NOW, "wire_bytes": 100, **changes})
