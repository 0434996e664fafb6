"""
The events this service receives and sends: CloudEvents 1.0, types named here and nowhere else.

`docs/events/` describes them for the main platform; it is generated from these types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from domain.model.budget import Lane
from domain.model.connection import ConnectionStatus, Erase, Reason
from domain.model.ids import ClinicId, ConnectionId, EventId, ReplayId, SourceId, TenantId
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.model.tokens import Secret

AHEAD = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours; what is dated further ahead does not say when it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHeader:
    """Who sent an event, and how to follow it: CloudEvents' attributes that we use."""

    id: EventId
    source: str
    time: datetime | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What Xero's redirect brought; single use, gone after five minutes."""

    code: Secret
    redirect_uri: str
    code_verifier: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTokenSet:
    """A token set sealed to this service's public key: a compact JWE, ECDH-ES with A256GCM."""

    jwe: Secret


Grant = AuthorizationCode | SealedTokenSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectCompleted:
    """A clinic gave its consent. Without a grant it chooses an organisation of the consent we hold."""

    type: ClassVar[str] = "allie.xero.connect-completed.v1"

    header: EventHeader
    clinic_id: ClinicId
    grant: Grant | None = None
    tenant_id: TenantId | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequested:
    """Somebody wants fresh data; all streams where none are named."""

    type: ClassVar[str] = "allie.xero.sync-requested.v1"

    header: EventHeader
    clinic_id: ClinicId
    streams: frozenset[Stream] = frozenset()
    mode: Mode = Mode.CHANGES
    requested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """A clinic ends its connection."""

    type: ClassVar[str] = "allie.xero.disconnect.v1"

    header: EventHeader
    clinic_id: ClinicId
    erase: Erase = Erase.AFTER_GRACE
    requested_by: str | None = None


InboundEvent = ConnectCompleted | SyncRequested | Disconnect


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    An organisation that the clinic may choose.

    Attributes:
        tenant_id: what a connect-completed without a grant names to choose it.
        name: as Xero shows it.
    """

    tenant_id: TenantId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged:
    """
    What a clinic's connection is now, and if it is not active, why and what to do.

    With status `active` a reason speaks of a new consent that could not be used; the old one goes on.

    Attributes:
        clinic_id: the main platform's id of the clinic.
        status: whether the clinic's payroll is being kept fresh.
        reason: why it is not, as a code; more may be added.
        message: the same as a sentence for the clinic's manager, saying what to do.
        tenant_id: Xero's id of the organisation; null before one is known.
        organisation: its name, as Xero shows it.
        choices: the organisations to choose from, with reason `choose_organisation`.
        in_reply_to: the id of the event that this answers; null where Xero or time changed the connection.
    """

    type: ClassVar[str] = "allie.xero.connection-changed.v1"

    clinic_id: ClinicId
    status: ConnectionStatus
    reason: Reason | None = None
    message: str | None = None
    tenant_id: TenantId | None = None
    organisation: str | None = None
    choices: Sequence[Choice] = ()
    in_reply_to: EventId | None = None


class Fault(StrEnum):
    """Why a list could not be read; a missing scope is for the clinic to mend, the others are for us."""

    SCOPE_MISSING = "scope_missing"
    NOT_FOUND = "not_found"
    REQUEST_REFUSED = "request_refused"
    ANSWER_UNREADABLE = "answer_unreadable"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResult:
    """
    What a sync did for one stream.

    Attributes:
        calls: requests made to Xero.
        wire_bytes: bytes of their answers as they travelled, compressed.
        seen: records that Xero showed.
        changed: records that were new here or differed.
        gone: records that Xero no longer has.
        unreadable: records set aside because they could not be read; the others were saved.
        checked_at: when the stream was last compared with Xero, by when that began, UTC; null before the
            first time.
        fault: why the last comparison was not possible; null if it was.
        known_to: the payment date of the newest posted pay run, or payslip with lines, or the last day of a
            timesheet; null for other streams, and where there is none.
        freshness: the same in words, such as "pay runs to 14 Nov 2026, checked 26 Nov 2026 09:10 UTC".
    """

    calls: int
    wire_bytes: int
    seen: int
    changed: int
    gone: int
    unreadable: int
    checked_at: datetime | None = None
    fault: Fault | None = None
    known_to: date | None = None
    freshness: str


class Finished(StrEnum):
    """What is over: a pass, by its mode, or the backfill of details behind the passes."""

    CHANGES = "changes"
    RECONCILE = "reconcile"
    FULL = "full"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFinished:
    """
    A pass is over, or the backfill behind it is.

    Attributes:
        clinic_id: the main platform's id of the clinic.
        tenant_id: Xero's id of the organisation that was read.
        mode: what is over.
        streams: what was done, for each stream that was looked at.
        backfill_percent: how much of the details is here, from 0 to 100.
        backfill_calls_left: requests to Xero that the rest will take.
        backfill_wire_bytes_left: about how many bytes their answers will be, as they travel, compressed.
        backfill_ends_at: when they will have been made within Xero's limits, UTC; null if none are left.
        requested_by: what the sync-requested or connect-completed behind this pass said; null for our own.
    """

    type: ClassVar[str] = "allie.xero.sync-finished.v1"

    clinic_id: ClinicId
    tenant_id: TenantId
    mode: Finished
    streams: Mapping[Stream, StreamResult]
    backfill_percent: int
    backfill_calls_left: int
    backfill_wire_bytes_left: int
    backfill_ends_at: datetime | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayrollChanged:
    """
    Which records changed; ids only: the views in `allie_xero_read` hold what they are now.

    Attributes:
        clinic_id: the main platform's id of the clinic.
        tenant_id: Xero's id of the organisation.
        lane: fresh data, or the backfill of earlier years.
        pay_runs: Xero's ids of the pay runs that changed, or whose payslips did.
        employees: Xero's ids of the employees that changed, or whose payslips, timesheets or leave did.
        payment_dates: the payment dates of those pay runs, each once.
        streams: the streams that something changed in.
    """

    type: ClassVar[str] = "allie.xero.payroll-changed.v1"

    clinic_id: ClinicId
    tenant_id: TenantId
    lane: Lane
    pay_runs: Sequence[SourceId] = ()
    employees: Sequence[SourceId] = ()
    payment_dates: Sequence[date] = ()
    streams: Sequence[Stream] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PayrollErased:
    """
    The payroll of an organisation that a clinic has disconnected is gone from this service.

    Attributes:
        clinic_id: the main platform's id of the clinic.
        tenant_id: Xero's id of the organisation; the clinic may have connected another one since.
        rows: how many rows were erased, by table.
    """

    type: ClassVar[str] = "allie.xero.payroll-erased.v1"

    clinic_id: ClinicId
    tenant_id: TenantId | None = None
    rows: Mapping[str, int]


OutboundEvent = ConnectionChanged | SyncFinished | PayrollChanged | PayrollErased


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """
    An outbound event as the outbox keeps it.

    `sequence` rises with every event of a clinic, for a receiver that wants them in order.
    """

    id: EventId
    type: str
    clinic_id: ClinicId
    sequence: int
    at: datetime
    data: Mapping[str, object]
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """
    A message that the broker has set aside; never its content.

    `code` says what is wrong with it, or why it was given up; `where` the field that is wrong; `digest` is
    the SHA-256 of its body, `size` its bytes. `event` is the event in it, without its grant; `connection_id`
    the connection that a job was for.
    """

    queue: str
    code: str
    is_readable: bool
    digest: str
    size: int
    type: str | None = None
    event_id: EventId | None = None
    clinic_id: ClinicId | None = None
    connection_id: ConnectionId | None = None
    event: Mapping[str, object] | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class RunSlice:
    """Work a connection's streams for a while, in the trace of the pass that waits there."""

    clinic_id: ClinicId
    connection_id: ConnectionId
    traceparent: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Use a connection's refresh token, so that it neither idles away nor stays in doubt."""

    clinic_id: ClinicId
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True)
class FinishDisconnect:
    """Tell Xero of a disconnect that it has not heard of yet, and shred the tokens."""

    clinic_id: ClinicId
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True)
class ErasePayroll:
    """Erase a disconnected clinic's payroll rows."""

    clinic_id: ClinicId
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True)
class WorkReplay:
    """Work again what a replay has released of one clinic's failures."""

    clinic_id: ClinicId
    replay_id: ReplayId


ConnectionJob = RunSlice | KeepAlive | FinishDisconnect | ErasePayroll
"""Work on one connection."""

Job = ConnectionJob | WorkReplay
"""Work to do now: hints that point at rows, so losing one only makes it late."""
