"""One transaction and its stores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection as Session
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.postgres.budget import PostgresCallBudget
from adapters.postgres.certificates import PostgresCertificateStore, Signer
from adapters.postgres.connections import PostgresConnectionStore
from adapters.postgres.credentials import PostgresCredentialRepository
from adapters.postgres.engine import LIMITS
from adapters.postgres.errors import translated
from adapters.postgres.failures import PostgresFailureStore
from adapters.postgres.inbox import PostgresInbox
from adapters.postgres.outage import PostgresOutageStore
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pauses import PostgresPauseStore
from adapters.postgres.payroll.store import PostgresPayrollStore
from adapters.postgres.replays import PostgresReplayStore
from adapters.postgres.sealing import TokenCipher
from adapters.postgres.syncs import PostgresSyncStore
from adapters.postgres.work import PostgresWorkStore, Rhythm
from domain.errors import SecretUnreadable
from domain.model.ids import ClinicId
from domain.ports import Transaction

BEGIN = text(f"""
SELECT set_config('allie_xero.clinic_id', :clinic, true), set_config('allie_xero.process', :process, true),
       set_config('allie_xero.purpose', :purpose, true), set_config('allie_xero.version', :version, true),
       set_config('allie_xero.message_id', :message_id, true),
       {", ".join(f"set_config('{name}', '{value}', true)" for name, value in LIMITS.items())},
       clock_timestamp() AS now
""")
"""
Names the clinic to row-level security, and who asks to the audit; bounds the transaction; asks the time.

All for this transaction only, so that it holds through a pooler that gives each to another session.
"""

FLEET = "*"
"""The dispatcher's scope: rows of every clinic, where its role may see them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who opens a transaction: the process and its code's version, what for, and for which message."""

    process: str = ""
    purpose: str = ""
    message_id: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What the stores need besides a connection."""

    engine: Engine
    cipher: TokenCipher
    signer: Signer
    origin: Callable[[], Origin] = Origin
    lease: timedelta = timedelta(seconds=45)
    rhythm: Rhythm = Rhythm()  # noqa: RUF009
    history: timedelta | None = None


@dataclass(frozen=True)
class PostgresStores:
    """The stores of one transaction; each is made when it is first used."""

    session: Session
    clinic_id: ClinicId | None
    now: datetime
    storage: Storage

    @cached_property
    def connections(self) -> PostgresConnectionStore:
        """The clinics' connections."""
        return PostgresConnectionStore(self.session)

    @cached_property
    def credentials(self) -> PostgresCredentialRepository:
        """Token sets, sealed."""
        return PostgresCredentialRepository(self.session, self.storage.cipher, self.now)

    @cached_property
    def payroll(self) -> PostgresPayrollStore:
        """The copy of the payroll."""
        history = self.storage.history
        since = (self.now - history).date() if history is not None else date.min
        return PostgresPayrollStore(self.session, self.clinic_id, since)

    @cached_property
    def syncs(self) -> PostgresSyncStore:
        """Passes, scans, leases."""
        return PostgresSyncStore(self.session, self.now, self.storage.lease, self.storage.rhythm)

    @cached_property
    def budget(self) -> PostgresCallBudget:
        """What Xero lets us ask."""
        return PostgresCallBudget(self.session, self.now)

    @cached_property
    def outage(self) -> PostgresOutageStore:
        """Whether Xero is away."""
        return PostgresOutageStore(self.session)

    @cached_property
    def inbox(self) -> PostgresInbox:
        """Events seen."""
        return PostgresInbox(self.session, self.clinic_id)

    @cached_property
    def outbox(self) -> PostgresOutbox:
        """Events to send."""
        return PostgresOutbox(self.session)

    @cached_property
    def failures(self) -> PostgresFailureStore:
        """What went wrong."""
        return PostgresFailureStore(self.session)

    @cached_property
    def replays(self) -> PostgresReplayStore:
        """What operators want worked again."""
        return PostgresReplayStore(self.session, self.now)

    @cached_property
    def pauses(self) -> PostgresPauseStore:
        """What rests."""
        return PostgresPauseStore(self.session)

    @cached_property
    def certificates(self) -> PostgresCertificateStore:
        """What was destroyed."""
        return PostgresCertificateStore(self.session, self.storage.signer)

    @cached_property
    def work(self) -> PostgresWorkStore:
        """What is due."""
        return PostgresWorkStore(self.session, self.storage.rhythm)


def postgres_transaction(storage: Storage) -> Transaction:
    """Commit on a clean exit, roll back on any exception; drivers' errors leave as the domain's."""

    @contextmanager
    def transaction(clinic_id: ClinicId | None) -> Iterator[PostgresStores]:
        stores: PostgresStores | None = None
        try:
            with storage.engine.begin() as session:
                now = session.execute(BEGIN, _scope(clinic_id, storage.origin())).one().now
                stores = PostgresStores(session, clinic_id, now, storage)
                yield stores
        except (DBAPIError, PoolTimeoutError) as error:
            raise translated(error) from None
        except SecretUnreadable:
            if stores is not None and stores.credentials.unreadable is not None:
                with transaction(clinic_id) as after:
                    after.credentials.note(stores.credentials.unreadable, "unreadable")
            raise

    return transaction


def _scope(clinic_id: ClinicId | None, origin: Origin) -> dict[str, str]:
    return {
        "clinic": clinic_id or FLEET,
        "process": origin.process,
        "purpose": origin.purpose,
        "message_id": origin.message_id,
        "version": origin.version,
    }
