"""Examples of every event: what the main platform may send, and what this service sends."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from adapters.rabbitmq.publisher import cloud_event
from domain.messages import (
    Choice,
    ConnectCompleted,
    ConnectionChanged,
    Disconnect,
    Envelope,
    Finished,
    OutboundEvent,
    PayrollChanged,
    PayrollErased,
    StreamResult,
    SyncFinished,
    SyncRequested,
)
from domain.model.budget import Lane
from domain.model.connection import ConnectionStatus, Erase, Reason
from domain.model.freshness import in_words
from domain.model.ids import ClinicId, EventId, SourceId, TenantId
from domain.model.streams import Stream
from domain.model.sync import Mode

CLINIC = ClinicId("clinic-17")
TENANT = TenantId("0f1a2b3c-4d5e-4f60-8172-839405a6b7c8")
AT = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
JWE = "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..bm9uY2U.c2VhbGVkIHRva2VuIHNldA.dGFn"
RUN = SourceId("b1c2d3e4-0001-4a5b-8c6d-7e8f90a1b2c3")
EMPLOYEE = SourceId("c2d3e4f5-0002-4b6c-9d7e-8f90a1b2c3d4")


@dataclass(frozen=True, slots=True)
class Example:
    """One event as it travels; `variant` tells it from others of its type."""

    event: str
    variant: str
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{'.'.join(self.event.split('.')[-2:])}.{self.variant}"


def _received(event: str, variant: str, **data: object) -> Example:
    """An event of the main platform."""
    document = {
        "specversion": "1.0",
        "id": f"example-{variant}",
        "source": "allie-platform",
        "type": event,
        "time": "2026-11-23T01:29:58Z",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": {"clinic_id": CLINIC, **data},
    }
    return Example(event, variant, document)


def _sent(variant: str, event: OutboundEvent) -> Example:
    """An event of this service."""
    envelope = Envelope(
        id=EventId("5f0c6a52-8a3e-4a52-9d0c-2f4be3f7a001"),
        type=event.type,
        clinic_id=CLINIC,
        sequence=4711,
        at=AT,
        data=msgspec.to_builtins(event, str_keys=True),
        traceparent=TRACE,
    )
    return Example(event.type, variant, json.loads(cloud_event(envelope)))


def _connection(status: ConnectionStatus, reason: Reason | None = None, **more: Any) -> ConnectionChanged:
    message = reason.sentence if reason else None
    return ConnectionChanged(clinic_id=CLINIC, status=status, reason=reason, message=message, **more)


KNOWN: dict[str, Any] = {"tenant_id": TENANT, "organisation": "Harbour Physiotherapy Pty Ltd"}
CODE = {
    "type": "authorization_code",
    "code": "the-code-of-the-redirect",
    "redirect_uri": "https://app.allie.example/xero/callback",
    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
}
CHOICES = (
    Choice(tenant_id=TENANT, name="Harbour Physiotherapy Pty Ltd"),
    Choice(tenant_id=TenantId("1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9"), name="Harbour Property Trust"),
)
PAID = date(2026, 11, 19)


def _fresh(stream: Stream, known_to: date | None) -> StreamResult:
    return StreamResult(
        calls=2,
        wire_bytes=6_120,
        seen=26,
        changed=1,
        gone=0,
        unreadable=0,
        checked_at=AT,
        known_to=known_to,
        freshness=in_words(stream, known_to, AT),
    )


EXAMPLES = (
    _received(ConnectCompleted.type, "authorization-code", grant=CODE, requested_by="kim@clinic.example"),
    _received(ConnectCompleted.type, "sealed-token-set", grant={"type": "sealed_token_set", "jwe": JWE}),
    _received(ConnectCompleted.type, "choose-organisation", tenant_id=TENANT),
    _received(SyncRequested.type, "changes", requested_by="kim@clinic.example"),
    _received(SyncRequested.type, "full", streams=[Stream.EMPLOYEES, Stream.PAY_RUNS], mode=Mode.FULL),
    _received(Disconnect.type, "after-grace", requested_by="kim@clinic.example"),
    _received(Disconnect.type, "erase-now", erase=Erase.NOW),
    _sent("active", _connection(ConnectionStatus.ACTIVE, in_reply_to=EventId("example-1"), **KNOWN)),
    _sent(
        "choose-organisation",
        _connection(
            ConnectionStatus.INCOMPLETE,
            Reason.CHOOSE_ORGANISATION,
            choices=CHOICES,
            in_reply_to=EventId("example-1"),
        ),
    ),
    _sent(
        "disconnected-in-xero",
        _connection(ConnectionStatus.NEEDS_ATTENTION, Reason.DISCONNECTED_IN_XERO, **KNOWN),
    ),
    _sent("disconnected", _connection(ConnectionStatus.DISCONNECTED, Reason.REQUESTED, **KNOWN)),
    _sent(
        "changes",
        SyncFinished(
            clinic_id=CLINIC,
            tenant_id=TENANT,
            mode=Finished.CHANGES,
            streams={
                Stream.EMPLOYEES: _fresh(Stream.EMPLOYEES, None),
                Stream.PAY_RUNS: _fresh(Stream.PAY_RUNS, PAID),
            },
            backfill_percent=12,
            backfill_calls_left=2_140,
            backfill_wire_bytes_left=1_712_000,
            backfill_ends_at=AT + timedelta(minutes=40),
            requested_by="kim@clinic.example",
        ),
    ),
    _sent(
        "backfill",
        SyncFinished(
            clinic_id=CLINIC,
            tenant_id=TENANT,
            mode=Finished.BACKFILL,
            streams={Stream.PAYSLIPS: _fresh(Stream.PAYSLIPS, PAID)},
            backfill_percent=100,
            backfill_calls_left=0,
            backfill_wire_bytes_left=0,
        ),
    ),
    _sent(
        "fresh",
        PayrollChanged(
            clinic_id=CLINIC,
            tenant_id=TENANT,
            lane=Lane.FRESH,
            pay_runs=[RUN],
            employees=[EMPLOYEE],
            payment_dates=[PAID],
            streams=[Stream.PAY_RUNS, Stream.PAYSLIPS],
        ),
    ),
    _sent(
        "after-grace", PayrollErased(clinic_id=CLINIC, tenant_id=TENANT, rows={"payslip": 624, "pay_run": 26})
    ),
)
