"""Read a connection's payroll for a while: the one function that every sync is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import (
    AccessExpired,
    AccessForbidden,
    ConsentWithdrawn,
    Fenced,
    Limit,
    RateLimited,
    ServiceError,
    StorageFull,
    TransientError,
    XeroUnavailable,
)
from domain.messages import RunSlice
from domain.model.budget import Lane
from domain.model.connection import Connection, Tenant
from domain.model.failures import SLICE, Failure, FailureState, context_of, slice_subjects
from domain.model.ids import CredentialId
from domain.model.pauses import Rest
from domain.model.sync import Fetched, Lease
from domain.model.tokens import Access
from domain.ports import (
    Authorizer,
    Clock,
    OpenSource,
    PayrollSource,
    Stopping,
    Stores,
    Transaction,
)
from domain.slices.fetching import Gate, fetch
from domain.slices.outages import note_answers, note_silence, wait_for_xero
from domain.slices.planning import Batch, next_batch
from domain.slices.proving import WHOSE, believed, is_doubtful
from domain.slices.renewing import Renewal
from domain.slices.saving import save_batch
from domain.use_cases.doubts import settle_forbidden
from domain.use_cases.refresh_tokens import Refresh

SLICE_TIME = timedelta(seconds=45)
"""How long a slice goes on; a deploy waits no longer than this and one batch."""

DAY_LIMIT = "DayLimitReached"
"""The error of a connection that has no call left for fresh data today."""

EXPIRIES = 2
"""How often in one slice Xero may turn down an access token that should be good."""


class SliceOutcome(StrEnum):
    """How a slice ended."""

    NOTHING_TO_DO = "nothing_to_do"
    DONE = "done"
    CONTINUED = "continued"
    PARKED = "parked"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"
    FENCED = "fenced"


def run_slice(
    job: RunSlice,
    *,
    transaction: Transaction,
    refresh: Refresh,
    authorizer: Authorizer,
    open_source: OpenSource,
    clock: Clock,
    stopping: Stopping,
) -> SliceOutcome:
    """
    Take the connection's lease and work until nothing is left, time is up, or the budget says wait.

    Waiting is `due_at` on a row: nothing sleeps here. Every batch is saved with its progress in one
    transaction that the lease and the connection's generation guard, so a second slice, a crash or a
    disconnect leaves nothing half done. What goes wrong on Xero's side is backed off and noted, not raised;
    what is raised is a bug or a database that is away.
    """
    with transaction(job.clinic_id) as stores:
        lease = stores.syncs.lease(job.connection_id)
        connection = stores.connections.get(job.connection_id)
        credential = stores.credentials.live(job.connection_id)
        if lease is not None and connection is not None and (wait := wait_for_xero(stores, connection)):
            stores.syncs.release(lease, wait)
            return SliceOutcome.PARKED
    if lease is None or connection is None or credential is None or connection.tenant is None:
        return SliceOutcome.NOTHING_TO_DO
    run = _Slice(
        lease=lease,
        connection=connection,
        tenant=connection.tenant,
        credential_id=credential.id,
        until=clock() + SLICE_TIME,
        transaction=transaction,
        refresh=refresh,
        authorizer=authorizer,
        open_source=open_source,
        clock=clock,
        stopping=stopping,
    )
    try:
        return run.work()
    except Fenced:
        return SliceOutcome.FENCED
    except ConsentWithdrawn:
        return SliceOutcome.NEEDS_ATTENTION
    except ServiceError as error:
        return run.back_off(error)
    except Exception as bug:
        run.back_off(bug)
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    lease: Lease
    connection: Connection
    tenant: Tenant
    credential_id: CredentialId
    until: datetime
    transaction: Transaction
    refresh: Refresh
    authorizer: Authorizer
    open_source: OpenSource
    clock: Clock
    stopping: Stopping

    def work(self) -> SliceOutcome:
        access = self._access()
        source = self._source(access)
        expiries = 0
        while True:
            batch, gate = self._plan()
            if batch is None or gate is None:
                return SliceOutcome.DONE if batch is None else SliceOutcome.PARKED
            halted_by = self._fetch(source, batch, gate)
            if isinstance(halted_by, AccessExpired) and expiries < EXPIRIES:
                expiries += 1
                access = self._access(refused=access.version)
                source = self._source(access)
            elif isinstance(halted_by, AccessForbidden):
                return self._settle_forbidden(halted_by, access, source)
            elif halted_by is not None and not isinstance(halted_by, RateLimited):
                raise halted_by
            elif self.stopping() or self.clock() >= self.until:
                return self._continue_later()

    def _access(self, refused: int | None = None) -> Access:
        return self.refresh(self.lease.clinic_id, self.credential_id, refused=refused).access

    def _source(self, access: Access) -> PayrollSource:
        return self.open_source(self.tenant.id, self.tenant.region, access)

    def _plan(self) -> tuple[Batch | None, Gate | None]:
        """The next batch, and the gate to fetch it through; no gate if the budget says wait."""
        with self.transaction(self.lease.clinic_id) as stores:
            stores.syncs.keep(self.lease)
            rest = Rest.of(stores.pauses.of(self.lease.clinic_id))
            batch = next_batch(stores, self.connection, rest)
            if batch is None:
                self._release(stores, rest.until)
                return None, None
            return batch, self._reserve(stores, batch)

    def _reserve(self, stores: Stores, batch: Batch) -> Gate | None:
        budget = stores.budget.get_for_update(self.tenant.id)
        calls = min(batch.calls, budget.available(batch.lane))
        least = min(batch.least, budget.minute.limit)
        if calls < least:
            until = budget.wait_until(batch.lane, stores.now, calls=least)
            stores.syncs.release(self.lease, until, in_part=batch.lane is Lane.BACKFILL)
            if batch.lane is Lane.FRESH and budget.day.remaining < least:
                self._note(stores, FailureState.PARKED_DAY, DAY_LIMIT, until=until)
            return None
        stores.budget.save(self.tenant.id, budget.reserved(calls, stores.now), app_calls=calls)
        return Gate(
            budget,
            batch.lane,
            stores.now,
            calls,
            spare=batch.spare(calls),
            lasts=self.lease.batch_time,
            clock=self.clock,
            stopping=self.stopping,
        )

    def _fetch(self, source: PayrollSource, batch: Batch, gate: Gate) -> ServiceError | None:
        """Ask, and save what came; what may be another organisation's, once Xero has said that it is not."""
        renewal = Renewal(self.lease, self.transaction, self.clock)
        fetched = fetch(source, batch.plan, batch.requests, gate, meanwhile=renewal)
        with self.transaction(self.lease.clinic_id) as stores:
            if not is_doubtful(stores, self.connection, fetched):
                return self._save(stores, batch, fetched, gate)
            stores.syncs.keep(self.lease)
        gate.let_last()
        answers = fetch(source, batch.plan, [WHOSE], gate, meanwhile=renewal)
        proven = believed(self.connection, fetched, answers)
        with self.transaction(self.lease.clinic_id) as stores:
            return self._save(stores, batch, proven, gate)

    def _save(
        self, stores: Stores, batch: Batch, fetched: Sequence[Fetched], gate: Gate
    ) -> ServiceError | None:
        stores.syncs.keep(self.lease, survived=True)
        halted_by = save_batch(stores, self.connection, batch, fetched)
        if isinstance(halted_by, RateLimited) and halted_by.limit is not Limit.DAY:
            until = gate.budget.wait_until(batch.lane, stores.now)
            self._note(stores, FailureState.PARKED_MINUTE, halted_by, until=until)
        note_answers(stores, fetched)
        # Last, because the app's budget is one row that every slice shares.
        stores.budget.save(self.tenant.id, gate.budget, app_calls=gate.calls - gate.granted)
        return halted_by

    def _continue_later(self) -> SliceOutcome:
        with self.transaction(self.lease.clinic_id) as stores:
            self._release(stores, stores.now)
        return SliceOutcome.CONTINUED

    def _release(self, stores: Stores, due_at: datetime | None) -> None:
        stores.syncs.release(self.lease, due_at, in_part=True)
        stores.failures.resolve(self.connection.id, slice_subjects(self.connection.id))

    def _settle_forbidden(
        self, refusal: AccessForbidden, access: Access, source: PayrollSource
    ) -> SliceOutcome:
        """Xero refuses this organisation: tell the clinic if that is so and stays so; else come back."""
        reason = settle_forbidden(
            self.connection,
            access,
            source,
            transaction=self.transaction,
            authorizer=self.authorizer,
        )
        if reason is None:
            raise refusal
        return SliceOutcome.NEEDS_ATTENTION

    def back_off(self, error: Exception) -> SliceOutcome:
        """Note what went wrong and try again later, later each time; without room for the note as well."""
        try:
            self._back_off(error)
        except StorageFull:
            # Else the lease would run out, and Xero be asked over and over for what cannot be kept.
            with self.transaction(self.lease.clinic_id) as stores:
                stores.syncs.release(self.lease, stores.now + self.lease.backoff, failed=True)
        return SliceOutcome.FAILED

    def _back_off(self, error: Exception) -> None:
        with self.transaction(self.lease.clinic_id) as stores:
            is_silence = isinstance(error, XeroUnavailable)
            ask_at = note_silence(stores, self.connection) if is_silence else None
            due_at = ask_at or stores.now + self.lease.backoff
            stores.syncs.release(self.lease, due_at, failed=True)
            state = _state_after(error, is_outage=ask_at is not None)
            until = due_at if state is not FailureState.FAILED else None
            self._note(stores, state, error, until=until)

    def _note(
        self, stores: Stores, state: FailureState, error: Exception | str, *, until: datetime | None
    ) -> None:
        subject, refused = slice_subjects(self.connection.id)
        stores.failures.record(
            Failure(
                state=state,
                error=error if isinstance(error, str) else type(error).__name__,
                place=SLICE,
                subject=refused if isinstance(error, AccessForbidden) else subject,
                clinic_id=self.connection.clinic_id,
                connection_id=self.connection.id,
                context=context_of(error) if isinstance(error, ServiceError) else {},
                until=until,
            )
        )


def _state_after(error: Exception, *, is_outage: bool) -> FailureState:
    if is_outage:
        return FailureState.PARKED_OUTAGE
    if isinstance(error, RateLimited):
        return FailureState.of_limit(error.limit)
    is_passing = isinstance(error, TransientError | AccessForbidden)
    return FailureState.RETRYING if is_passing else FailureState.FAILED
