"""
Inbound events as they are on the wire: CloudEvents 1.0, structured JSON.

Unknown fields are ignored, unknown types and versions are not guessed at.
"""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from domain.errors import UnreadableMessage
from domain.messages import (
    AuthorizationCode,
    ConnectCompleted,
    Disconnect,
    EventHeader,
    Grant,
    InboundEvent,
    SealedTokenSet,
    SyncRequested,
)
from domain.model.connection import Erase
from domain.model.ids import ClinicId, EventId, TenantId
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.model.tokens import Secret

MAX_BYTES = 256 * 1024
"""An event carries ids and at most one sealed token set; what is larger is none."""

# PostgreSQL keeps no zero bytes, and Python's `$` alone would let a line break through.
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\u0000]+$")]
Text = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^[^\u0000]+$")]
Clinic = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$(?!\n)")]
VERSION = re.compile(r"\.v[0-9]{1,4}\Z")
MISSING = re.compile(r"Object missing required field `(\w+)`")
"""How msgspec begins to say so; the name is of our own structs."""

Trace = Annotated[str, Meta(max_length=512)]
"""W3C's traceparent; one that is not valid starts a new trace (`workers.tracing`)."""


class CloudEvent(Struct, kw_only=True):
    """
    CloudEvents 1.0 (https://github.com/cloudevents/spec), with the tracing extension.

    Attributes:
        specversion: of CloudEvents.
        id: unique within `source`; the same id again is the same event, and does nothing.
        source: who sends, a URI reference such as `allie-platform`.
        type: also the routing key.
        time: when it happened, with an offset; where events cross, the later disconnect beats the connect.
        traceparent: W3C Trace Context; it is carried through to our logs and to the events that answer.
        data: what happened.
    """

    specversion: Annotated[str, Meta(pattern=r"^1\.\d+$")]
    id: Name
    source: Name
    type: Name
    time: Annotated[datetime, Meta(tz=True)] | None = None
    traceparent: Trace | None = None
    data: dict[str, Any]


class Named(Struct):
    """What an event is called, whatever else is wrong with it."""

    type: Name
    id: Name


class CodeGrant(Struct, kw_only=True, tag="authorization_code", tag_field="type"):
    """
    What Xero's redirect brought; good for five minutes and one use.

    Attributes:
        type: which grant this is.
        code: the redirect's parameter of that name.
        redirect_uri: as it was in the authorise request, to the letter.
        code_verifier: where the authorise request had a code_challenge (RFC 7636).
    """

    code: Text
    redirect_uri: Text
    code_verifier: Annotated[str, Meta(min_length=43, max_length=128)] | None = None


class SealedGrant(Struct, kw_only=True, tag="sealed_token_set", tag_field="type"):
    """
    A token set sealed to this service's public key: a compact JWE, ECDH-ES with A256GCM.

    Attributes:
        type: which grant this is.
        jwe: five parts of base64url; what is in it is described in README.md.
    """

    jwe: Annotated[str, Meta(min_length=1, max_length=32_768)]


class ConnectCompletedData(Struct, kw_only=True):
    """
    A clinic gave its consent. Without a grant it chooses an organisation of the consent we hold.

    Attributes:
        clinic_id: your id of the clinic; every event about it bears the same.
        grant: how we get the tokens; null to choose among the `choices` of a connection-changed.
        tenant_id: Xero's id of the organisation meant; needed only where one consent covers several.
        requested_by: who wanted it, for people to read; it comes back with the sync that follows.
    """

    clinic_id: Clinic
    grant: CodeGrant | SealedGrant | None = None
    tenant_id: Name | None = None
    requested_by: Name | None = None


class SyncRequestedData(Struct, kw_only=True):
    """
    Somebody wants fresh data.

    Attributes:
        clinic_id: your id of the clinic.
        streams: the streams wanted; all where none are named.
        mode: `changes` asks for what changed, `reconcile` compares whole lists, `full` reads every detail.
        requested_by: who wanted it; it comes back in sync-finished.
    """

    clinic_id: Clinic
    streams: list[Stream] = []
    mode: Mode = Mode.CHANGES
    requested_by: Name | None = None


class DisconnectData(Struct, kw_only=True):
    """
    A clinic ends its connection.

    Attributes:
        clinic_id: your id of the clinic.
        requested_by: who wanted it, for people to read.
        erase: whether its payroll rows go after seven days' grace, now, or never.
    """

    clinic_id: Clinic
    requested_by: Name | None = None
    erase: Erase = Erase.AFTER_GRACE


DATA: dict[str, type[Struct]] = {
    ConnectCompleted.type: ConnectCompletedData,
    SyncRequested.type: SyncRequestedData,
    Disconnect.type: DisconnectData,
}


def read_event(document: object) -> InboundEvent:
    """The event that a decoded JSON document describes. Raises UnreadableMessage, quoting nothing of it."""
    try:
        event = msgspec.convert(document, CloudEvent)
        if event.type not in DATA:
            raise UnreadableMessage("unknown_event_type")
    except msgspec.ValidationError as error:
        raise UnreadableMessage("malformed_event", where_of(error)) from None
    try:
        data = msgspec.convert(event.data, DATA[event.type])
    except msgspec.ValidationError as error:
        raise UnreadableMessage("malformed_event", where_of(error, "$.data")) from None
    header = EventHeader(
        id=EventId(event.id), source=event.source, time=event.time, traceparent=event.traceparent
    )
    return _domain_event(header, data)


def without_grant(document: object) -> dict[str, Any]:
    """
    What may be kept of an event that `read_event` can read: the contract's fields, and no secret.

    It is the same event, under the same id, and can be worked again; a connect, if its tokens are held.
    """
    event = msgspec.convert(document, CloudEvent)
    data = msgspec.convert(event.data, DATA[event.type])
    if isinstance(data, ConnectCompletedData):
        data.grant = None
    kept: dict[str, Any] = msgspec.to_builtins(event)
    return {**kept, "data": msgspec.to_builtins(data)}


def name_of(body: bytes) -> tuple[str, str] | None:
    """The type and the id of one of our events, whole or not, in whatever version; None for anything else."""
    try:
        event = msgspec.json.decode(body[:MAX_BYTES], type=Named)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return (event.type, event.id) if VERSION.sub(".v1", event.type) in DATA else None


def where_of(error: msgspec.ValidationError, root: str = "$") -> str:
    """The path of what is wrong or missing: `$.data.clinic_id`; msgspec's own words may quote a value."""
    said, _, path = str(error).rpartition(" - at ")
    place = path.strip("`") if said and path.startswith("`$") else "$"
    missing = MISSING.match(str(error))
    return root + place[1:] + (f".{missing[1]}" if missing else "")


def _domain_event(header: EventHeader, data: Struct) -> InboundEvent:
    match data:
        case ConnectCompletedData():
            return ConnectCompleted(
                header=header,
                clinic_id=ClinicId(data.clinic_id),
                grant=_grant(data.grant),
                tenant_id=TenantId(data.tenant_id) if data.tenant_id else None,
                requested_by=data.requested_by,
            )
        case SyncRequestedData():
            return SyncRequested(
                header=header,
                clinic_id=ClinicId(data.clinic_id),
                streams=frozenset(data.streams),
                mode=data.mode,
                requested_by=data.requested_by,
            )
        case DisconnectData():
            return Disconnect(
                header=header,
                clinic_id=ClinicId(data.clinic_id),
                erase=data.erase,
                requested_by=data.requested_by,
            )
        case _:
            raise UnreadableMessage("unknown_event_type")


def _grant(grant: CodeGrant | SealedGrant | None) -> Grant | None:
    match grant:
        case CodeGrant():
            verifier = Secret(grant.code_verifier) if grant.code_verifier else None
            return AuthorizationCode(
                code=Secret(grant.code), redirect_uri=grant.redirect_uri, code_verifier=verifier
            )
        case SealedGrant():
            return SealedTokenSet(jwe=Secret(grant.jwe))
        case None:
            return None
