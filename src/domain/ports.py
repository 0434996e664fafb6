"""
What the use cases need of the world, in the field's words.

Every method of a store may also raise `StorageUnavailable`. A store belongs to one transaction; what it
wrote is there after the transaction ends well, and never was otherwise.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from domain.asking import Asking
from domain.messages import (
    AuthorizationCode,
    Envelope,
    EventHeader,
    Job,
    OutboundEvent,
    SealedTokenSet,
)
from domain.model.budget import Budget, Lane
from domain.model.certificate import Certificate
from domain.model.connection import Connection, Region, Tenant
from domain.model.consent import Consent, ConsentUse, XeroConnection
from domain.model.failures import Failure, FailureState
from domain.model.handover import HandedOver
from domain.model.ids import (
    ClinicId,
    ConnectionId,
    CredentialId,
    EventId,
    FailureId,
    ReplayId,
    ReplayItemId,
    SourceId,
    TenantId,
    XeroConnectionId,
    XeroUserId,
)
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.model.outage import Outage
from domain.model.pauses import Pause
from domain.model.payroll import Record
from domain.model.probing import Probed
from domain.model.replays import Progress, Replay, ReplayItem
from domain.model.rewrapping import Rewrapped
from domain.model.streams import Resource, Stream
from domain.model.sync import (
    Backlog,
    Changes,
    DetailRequest,
    Lease,
    ListRequest,
    Mode,
    Reply,
    Request,
    Scan,
    Sync,
    Tally,
)
from domain.model.tokens import Access, Credential, HeldTokens, Secret, TokenSet

T = TypeVar("T")


class PayrollSource(Protocol):
    """One organisation's payroll at Xero. It can be read, and nothing else."""

    def ask(self, request: Request) -> Asking[Reply]:
        """
        Answer one request: with one GET, or as many as a detail takes, one after the other.

        Raises AccessExpired, AccessForbidden, AnswerUnreadable, RateLimited, RecordNotFound, RequestRefused,
        ScopeMissing, WrongTenant, XeroUnavailable.
        """
        ...


class OpenSource(Protocol):
    """How a payroll source is opened; cheap, and never shared between connections."""

    def __call__(self, tenant: TenantId, region: Region | None, access: Access) -> PayrollSource:
        """Read `tenant` with that access token; payroll only where the region is known."""
        ...


class Probe(Protocol):
    """Finds out about Xero what its documentation leaves open."""

    def __call__(self, tenant: Tenant, access: Access) -> Probed:
        """
        Make some dozens of GETs about one organisation, and say what they tell without their values.

        Raises AnswerLost, AnswerUnreadable, XeroUnavailable.
        """
        ...


class Authorizer(Protocol):
    """Xero's identity service: consents and tokens."""

    def exchange(self, grant: AuthorizationCode) -> Consent:
        """
        Turn an authorisation code into a token set.

        Raises AnswerLost, AnswerUnreadable, ClientRejected, GrantRejected, RateLimited, XeroUnavailable.
        """
        ...

    def refresh(self, refresh_token: Secret) -> TokenSet:
        """
        Present a refresh token and get its successor; it is rotated from here on.

        Raises AnswerLost, AnswerUnreadable, ClientRejected, GrantRejected, RateLimited, XeroUnavailable.
        """
        ...

    def revoke(self, refresh_token: Secret) -> None:
        """
        Drop the token, and with it every connection of its user to our app.

        Raises ClientRejected, GrantRejected, RateLimited, XeroUnavailable.
        """
        ...

    def describe(self, tokens: TokenSet) -> Consent:
        """What a token set handed to us says of its consent. Raises AnswerUnreadable."""
        ...

    def connections(self, access: Access) -> Sequence[XeroConnection]:
        """
        Every tenant that this user ever linked to our app.

        Raises AccessExpired, AccessForbidden, AnswerUnreadable, RateLimited, XeroUnavailable.
        """
        ...

    def delete_connection(self, access: Access, connection: XeroConnectionId) -> None:
        """
        End one link; that it is gone already is no error.

        Raises AccessExpired, AccessForbidden, RateLimited, XeroUnavailable.
        """
        ...


class TokenOpener(Protocol):
    """Opens token sets that the main platform sealed to this service."""

    def open(self, sealed: SealedTokenSet) -> HandedOver:
        """Raise SecretUnreadable if it was not sealed to us, by one who may, or was tampered with."""
        ...


class ConnectionStore(Protocol):
    """The clinics' connections."""

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """One connection, in any state."""
        ...

    def get_for_update(self, connection_id: ConnectionId) -> Connection | None:
        """One connection, locked until the transaction ends."""
        ...

    def open_for(self, clinic_id: ClinicId) -> Connection | None:
        """The clinic's present connection, locked; None if it has none or its last one has ended."""
        ...

    def all_for(self, clinic_id: ClinicId) -> Sequence[Connection]:
        """Every connection the clinic ever had, newest first."""
        ...

    def add(self, clinic_id: ClinicId) -> Connection:
        """A new, incomplete connection for a clinic that has no open one."""
        ...

    def drop(self, connection: Connection) -> None:
        """Forget an incomplete connection that gave way to an earlier one."""
        ...

    def save(self, connection: Connection) -> None:
        """Keep what changed."""
        ...

    def holder_of(self, tenant_id: TenantId) -> ClinicId | None:
        """The clinic that has an open connection to this organisation."""
        ...

    def with_tenant(self, clinic_id: ClinicId, tenant_id: TenantId) -> Connection | None:
        """This clinic's ended connection to that organisation, locked, if its rows are still there."""
        ...


class CredentialRepository(Protocol):
    """Token sets: what is known of them, and apart from that the tokens, of which only ciphertext is kept."""

    def hold(self, connection: Connection, consent: Consent) -> Credential:
        """Keep a fresh consent's tokens as pending. Raises StorageConflict if one is pending already."""
        ...

    def pending(self, connection_id: ConnectionId) -> Credential | None:
        """The consent that is being checked, locked."""
        ...

    def live(self, connection_id: ConnectionId) -> Credential | None:
        """The token set in use."""
        ...

    def live_for_update(self, connection_id: ConnectionId) -> Credential | None:
        """The token set in use, locked."""
        ...

    def get_for_update(self, credential_id: CredentialId) -> Credential | None:
        """A token set that has not been shredded, locked."""
        ...

    def to_revoke(self, connection_id: ConnectionId) -> Sequence[Credential]:
        """Token sets that Xero has yet to be told to forget, locked."""
        ...

    def open(self, credential: Credential) -> HeldTokens:
        """The tokens themselves; every opening is noted. Raises Fenced if destroyed, SecretUnreadable."""
        ...

    def activate(self, credential: Credential, connection: Connection) -> None:
        """Make the pending token set the live one under the connection's generation. Raises as `open`."""
        ...

    def save(self, credential: Credential, *, seen: Credential, tokens: HeldTokens | None = None) -> None:
        """
        Keep a change, with its tokens if it is a rotation, if nothing happened since `seen` (T3).

        Raises Fenced.
        """
        ...

    def doubt(self, credential: Credential) -> None:
        """Somebody has presented its tokens out of turn: note that, and have it tried soon."""
        ...

    def retire(self, credential: Credential, revoke_by: datetime) -> None:
        """The token set is for telling Xero to forget it, and for nothing else."""
        ...

    def shred(self, credential: Credential) -> str:
        """Destroy the data key and the ciphertext; give the id of the destroyed key."""
        ...

    def consents_of(self, user_id: XeroUserId, but: CredentialId) -> Sequence[ConsentUse]:
        """What this Xero user's other consents are used for, whichever clinic's they are."""
        ...

    def rewrap(self, after: CredentialId, limit: int) -> Rewrapped:
        """
        Move the data keys of up to `limit` token sets, in the order of their ids, to the primary key.

        Rows that are locked are left out. What cannot be opened is noted, and left as it is.
        """
        ...


class PayrollStore(Protocol):
    """The copy of the clinics' payroll, and the to-do list that its stale rows are."""

    def save(self, connection_id: ConnectionId, records: Sequence[Record]) -> Changes:
        """Write what differs. A list's row that is new or differs becomes stale; a detail clears it."""
        ...

    def holds(self, connection_id: ConnectionId, shown: Mapping[Resource, Sequence[SourceId]]) -> bool:
        """Whether all that these lists show was saved before, by its ids; what was deleted since counts."""
        ...

    def todo(
        self, connection_id: ConnectionId, lane: Lane, limit: int, *, but: Collection[Resource] = ()
    ) -> Sequence[DetailRequest]:
        """Details to read, most wanted first: the newest pay runs, then the rest; `but` those that rest."""
        ...

    def backlog(self, connection_id: ConnectionId) -> Backlog:
        """How much detail there is, and how much of it is stale."""
        ...

    def known_to(self, connection_id: ConnectionId) -> Mapping[Stream, date]:
        """The last payment date of posted pay runs and of their payslips with lines; timesheets' last day."""
        ...

    def gone(self, connection_id: ConnectionId, requests: Sequence[DetailRequest]) -> Changes:
        """Xero has these no more; mark them deleted."""
        ...

    def set_aside(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        """This detail cannot be read; do not ask for it again until it changes or is replayed."""
        ...

    def doubt(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        """Read this detail again, also if it was set aside."""
        ...

    def is_doubted(self, connection_id: ConnectionId, request: DetailRequest) -> bool:
        """Whether it is yet to be read."""
        ...

    def doubt_newest(self, connection_id: ConnectionId) -> None:
        """Read drafts and each calendar's newest posted pay run again: their stamps may not tell."""
        ...

    def recent(self, connection_id: ConnectionId, details: Collection[Resource]) -> Mapping[Resource, int]:
        """How many staff and runs of thirteen months there are, of these kinds."""
        ...

    def doubt_recent(
        self, connection_id: ConnectionId, details: Collection[Resource], *, part: int = 0, parts: int = 1
    ) -> None:
        """
        Read again, of these kinds, the staff and runs of thirteen months, and what was set aside.

        Of the staff and runs that is one of so many parts, which are the same each time; drafts are in all.
        """
        ...

    def doubt_all(self, connection_id: ConnectionId, details: Collection[Resource]) -> None:
        """Read every detail of these kinds again, as backfill."""
        ...

    def note_seen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> None:
        """Remember what a page of a full scan has shown, until its last."""
        ...

    def doubt_unseen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> Changes:
        """
        The last page of a full scan: what the scan did not show has vanished.

        Where that is not certain, as with several pages, which are no snapshot, or with none at all, the rows
        are asked for one by one instead.
        """
        ...

    def count(self, connection_id: ConnectionId, resource: Resource) -> int:
        """How many rows that list has filled."""
        ...

    def payslips_a_run(self, connection_id: ConnectionId) -> int:
        """How many payslips a pay run may have: as many as the largest that we hold, or all active staff."""
        ...

    def erase(self, connection_id: ConnectionId) -> Mapping[str, int]:
        """Delete every payroll row of this connection; rows by table."""
        ...


class SyncStore(Protocol):
    """Passes, scans and the leases that slices run under."""

    def request(
        self,
        connection: Connection,
        *,
        mode: Mode,
        streams: frozenset[Stream],
        requested_by: str | None,
        traceparent: str | None,
    ) -> bool:
        """Queue a pass, or merge it with the one queued; make it due now. True if it was merged."""
        ...

    def lease(self, connection_id: ConnectionId) -> Lease | None:
        """
        The right to run a slice, if the connection is active, not paused and nobody has it.

        Counts an attempt before the work begins, so that one that kills its process is backed off too, until
        the lease is kept with `survived`.
        """
        ...

    def wake(self, connection_id: ConnectionId) -> bool:
        """Make it due now, and keep slices off until this transaction ends; False if one is under way."""
        ...

    def doubt(self, connection_id: ConnectionId, resource: Resource) -> None:
        """Let the queued pass read this list whole, however lately it was read; after `wake`."""
        ...

    def keep(self, lease: Lease, *, survived: bool = False) -> None:
        """
        Hold the lease for longer, and hold off a disconnect until this transaction ends. Raises Fenced.

        `survived`: a batch came through, so a process that dies from here on is not backed off for those
        that died before; whether the slice fails still counts from all its attempts.
        """
        ...

    def release(
        self, lease: Lease, due_at: datetime | None, *, failed: bool = False, in_part: bool = False
    ) -> None:
        """
        Give the lease back; be due again then, or when something is asked for.

        A slice that did not fail clears the count of attempts. `in_part`: what waits until then is backfill,
        or rests, so the next look for changes does not wait for it.
        """
        ...

    def is_requested(self, connection_id: ConnectionId) -> bool:
        """Whether a pass is queued or under way that somebody asked for."""
        ...

    def under_way(self, connection_id: ConnectionId) -> Sync | None:
        """The pass under way, with its tallies so far."""
        ...

    def start_next(self, connection_id: ConnectionId) -> Sync | None:
        """Start the queued pass, if there is one."""
        ...

    def scans(self, connection_id: ConnectionId) -> Mapping[Resource, Scan]:
        """How far each list has been read."""
        ...

    def save_scan(self, connection_id: ConnectionId, scan: Scan) -> None:
        """Keep a scan's progress."""
        ...

    def tally(self, connection_id: ConnectionId, sync: Sync | None, tallies: Mapping[Stream, Tally]) -> None:
        """Add to the pass, and to what the connection has used this month."""
        ...

    def finish(self, sync: Sync) -> None:
        """The pass is over."""
        ...

    def backfilled(self, connection_id: ConnectionId) -> bool:
        """Note that no backfill is left; True if there was some until now."""
        ...

    def stop(self, connection_id: ConnectionId) -> None:
        """End everything queued or under way: the connection is no longer active."""
        ...

    def forget(self, kept: timedelta, limit: int) -> int:
        """Delete passes that were over longer ago, the oldest `limit` of them; give how many."""
        ...


class CallBudget(Protocol):
    """What Xero lets us ask, shared by every process."""

    def get_for_update(self, tenant_id: TenantId) -> Budget:
        """One tenant's budget as of now, locked."""
        ...

    def save(self, tenant_id: TenantId, budget: Budget, *, app_calls: int = 0) -> None:
        """Keep it; `app_calls` is how many of the app's calls were reserved, or given back if negative."""
        ...


class OutageStore(Protocol):
    """Whether Xero is away for everybody; one row, shared by every process."""

    def get(self) -> Outage:
        """What is known."""
        ...

    def get_for_update(self) -> Outage:
        """What is known, locked."""
        ...

    def save(self, outage: Outage) -> None:
        """Keep it."""
        ...


class Inbox(Protocol):
    """Events that were seen, so that each has its effect once."""

    def begin(self, header: EventHeader, event_type: str) -> bool:
        """
        Start on an event; False if it is done already. Raises EventBusy.

        Its time is kept, unless that is to come (`AHEAD`): one dated next year would beat all until then.
        Call it first: transactions that begin events of one clinic take turns, to their ends.
        """
        ...

    def is_overtaken(self, header: EventHeader, by: str) -> bool:
        """
        Whether an event of type `by`, of the same clinic, beats this one; False before this one has begun.

        It does if it happened later, where both say when, and else if it was worked after this one had begun.
        """
        ...

    def has_later(self, header: EventHeader, event_type: str, outcome: str, by: timedelta) -> bool:
        """
        Whether an event of that type, of the same clinic as this one, ended in `outcome`.

        Only one that happened later `by` so much counts, as both say; where either does not, none does. None
        before this one has begun.
        """
        ...

    def complete(self, header: EventHeader, outcome: str) -> None:
        """The event has had its effect, in this transaction."""
        ...

    def release(self, header: EventHeader) -> None:
        """The event could not be worked now; let its next delivery begin at once."""
        ...

    def note_start(self, header: EventHeader, event_type: str) -> int:
        """An event that came back is started once more; give how many such starts have had no end."""
        ...

    def note_end(self, header: EventHeader) -> None:
        """The worker has outlived the start it noted last; no more is taken back than there is."""
        ...


class Outbox(Protocol):
    """Events to send, written with what they tell of."""

    def add(self, event: OutboundEvent, traceparent: str | None = None) -> None:
        """Send it once this transaction has ended well."""
        ...

    def claim(self, limit: int) -> Sequence[Envelope]:
        """The oldest unsent events, locked until this transaction ends; others get others."""
        ...

    def sent(self, event_ids: Sequence[EventId]) -> None:
        """The broker has them."""
        ...

    def postpone(self, event_id: EventId) -> None:
        """The broker would not take it; try again later, later each time."""
        ...

    def forget(self, kept: timedelta, limit: int) -> int:
        """Of the oldest `limit` events that were sent delete those of longer ago; give how many."""
        ...


class CertificateStore(Protocol):
    """Signed statements of what was destroyed."""

    def issue(self, certificate: Certificate) -> None:
        """Sign it and keep it for good."""
        ...


class FailureStore(Protocol):
    """What went wrong, kept as rows."""

    def record(self, failure: Failure) -> None:
        """Add a failure, or another attempt of one that is open."""
        ...

    def resolve(self, connection_id: ConnectionId, subjects: Sequence[str]) -> None:
        """What failed has gone well since."""
        ...

    def resolve_gone(self, connection_id: ConnectionId, gone: Collection[SourceId]) -> None:
        """Nothing is wrong any more with records that Xero has no more, by their ids."""
        ...

    def find(self, query: FailureQuery) -> Sequence[KeptFailure]:
        """The open failures that are meant, oldest first."""
        ...

    def get_for_update(self, failure_id: FailureId) -> KeptFailure | None:
        """One failure in any state, locked."""
        ...

    def settle(self, failure_id: FailureId, state: FailureState, by: str | None, why: str | None) -> None:
        """It is resolved or discarded; by whom and why, if a person did it."""
        ...

    def expire(self, kept: timedelta, limit: int) -> int:
        """Delete failures whose last attempt was longer ago, with their attempts; give how many."""
        ...


class ReplayStore(Protocol):
    """Operators' wishes to have failures worked again, and how far they are."""

    def add(self, replay: Replay, failures: Sequence[KeptFailure]) -> Replay:
        """Keep a new one, whose id is not known yet; give it with its id."""
        ...

    def get(self, replay_id: ReplayId) -> Replay | None:
        """One replay."""
        ...

    def get_for_update(self, replay_id: ReplayId) -> Replay | None:
        """One replay, locked."""
        ...

    def under_way(self) -> Sequence[Replay]:
        """Those that run, or that something is under way of, locked; another dispatcher gets others."""
        ...

    def save(self, replay: Replay) -> None:
        """Keep what changed; once it is over, what it has not begun is skipped."""
        ...

    def note(
        self, replay_id: ReplayId, action: str, operator: str, reason: str, detail: Mapping[str, object]
    ) -> None:
        """Add a line to the audit, for good."""
        ...

    def is_proven(self, query: FailureQuery, within: timedelta) -> bool:
        """Whether a canary of this scope has gone well of late."""
        ...

    def settle(self, replay_id: ReplayId) -> None:
        """Note of what is under way whether it has gone well since, or failed again."""
        ...

    def progress(self, replay_id: ReplayId) -> Progress:
        """How many of its failures are in each state."""
        ...

    def release(self, replay_id: ReplayId, count: int) -> None:
        """Let so many more be worked, in the order of the clinics' turns."""
        ...

    def items(self, replay_id: ReplayId, clinic_id: ClinicId) -> Sequence[ReplayItem]:
        """What of one clinic is released or under way, locked."""
        ...

    def save_item(self, item: ReplayItem) -> None:
        """Keep what changed."""
        ...

    def postpone(self, items: Sequence[ReplayItemId], until: datetime) -> None:
        """They cannot be begun yet."""
        ...


class PauseStore(Protocol):
    """What operators let rest for a while."""

    def add(self, pause: Pause) -> Pause:
        """Keep a new one, whose id is not known yet; give it with its id."""
        ...

    def in_force(self) -> Sequence[Pause]:
        """All that are in force, oldest first."""
        ...

    def of(self, clinic_id: ClinicId) -> Sequence[Pause]:
        """Those in force that concern a clinic."""
        ...

    def end(self, pause: Pause, operator: str) -> None:
        """It is over; what waited for its end is due now."""
        ...


class WorkStore(Protocol):
    """Rows whose time has come, whoever's they are."""

    def due(self, limit: int) -> Sequence[Job]:
        """Claim due work for a minute; whoever asks next gets other work."""
        ...

    def queue_periodic(self, limit: int) -> int:
        """Queue the syncs and reconciles whose interval is over; give how many."""
        ...


class Stores(Protocol):
    """The stores of one transaction, and its time by the database's clock (T8)."""

    @property
    def now(self) -> datetime: ...
    @property
    def connections(self) -> ConnectionStore: ...
    @property
    def credentials(self) -> CredentialRepository: ...
    @property
    def payroll(self) -> PayrollStore: ...
    @property
    def syncs(self) -> SyncStore: ...
    @property
    def budget(self) -> CallBudget: ...
    @property
    def outage(self) -> OutageStore: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def failures(self) -> FailureStore: ...
    @property
    def replays(self) -> ReplayStore: ...
    @property
    def pauses(self) -> PauseStore: ...
    @property
    def certificates(self) -> CertificateStore: ...
    @property
    def work(self) -> WorkStore: ...


class Transaction(Protocol):
    """
    Opens a transaction; it sees one clinic's rows, or every clinic's for the dispatcher.

    What is read for update is locked until it ends. Whoever locks a connection and its token sets locks the
    connection first; in any other order two would wait for each other.
    """

    def __call__(self, clinic_id: ClinicId | None) -> AbstractContextManager[Stores]:
        """Commit on a clean exit, roll back on any exception."""
        ...


Clock = Callable[[], datetime]
"""The present instant in UTC, for measuring how long a slice runs; never compared with rows."""


Stopping = Callable[[], bool]
"""Whether the process has been asked to end."""


class Shield(Protocol):
    """Runs something where no time limit and no shutdown can cut it in half."""

    def __call__(self, action: Callable[[], T]) -> T:
        """Run it to its end and give its result."""
        ...


WorkEvent = Callable[[Mapping[str, object]], str]
"""Work a kept event as its actor would, and give the outcome. Raises what its use case raises."""

SendJob = Callable[[Job], None]
"""Put work on the queue. Raises TransientError."""

Publish = Callable[[Envelope], None]
"""Send an event and wait for the broker's confirmation. Raises PublishRefused or BrokerUnavailable."""
