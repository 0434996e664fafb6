"""
What stands between the use cases and their ports to count and log, so that the domain need not.

Each gives back what it got, with the same signature; `entrypoints.bootstrap` puts them in their places.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import structlog

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.keyring import KeyRing
from adapters.postgres.errors import StorageBug
from adapters.postgres.sealing import Place
from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.transport import CallSeen, Transport
from domain.asking import Asking
from domain.errors import (
    AnswerLost,
    AnswerUnreadable,
    ClientRejected,
    ConsentWithdrawn,
    Fenced,
    RateLimited,
    RecordNotFound,
    RefreshBusy,
    SecretUnreadable,
    ServiceError,
    StorageConflict,
    StorageFull,
    StorageUnavailable,
    TransientError,
    WrongTenant,
)
from domain.messages import SealedTokenSet
from domain.model.connection import Region
from domain.model.handover import HandedOver
from domain.model.ids import ClinicId, CredentialId, TenantId
from domain.model.sync import Reply, Request
from domain.model.tokens import Access, Secret, TokenSet
from domain.ports import Clock, OpenSource, PayrollSource, Stores, TokenOpener, Transaction
from domain.use_cases.refresh_tokens import Refresh, Refreshed, RefreshOutcome
from entrypoints.metrics import Metrics

log = structlog.get_logger("allie_xero")

REFRESH_RESULTS: dict[type[ServiceError], str] = {
    RefreshBusy: "busy",
    AnswerLost: "unknown_outcome",
    AnswerUnreadable: "unknown_outcome",
    ConsentWithdrawn: "consent_withdrawn",
    ClientRejected: "client_rejected",
    Fenced: "fenced",
    SecretUnreadable: "unreadable",
    TransientError: "transient",
}
"""What a refresh that raises is counted as; the first that fits."""

STORAGE_FAULTS: dict[type[Exception], str] = {
    StorageFull: "full",
    StorageUnavailable: "unavailable",
    StorageConflict: "conflict",
    StorageBug: "bug",
}


def watched_calls(metrics: Metrics) -> Callable[[CallSeen], None]:
    """Count and log every call to Xero."""

    def observe(seen: CallSeen) -> None:
        metrics.call(seen)
        log.info(
            "xero call",
            method=seen.method,
            path=seen.path,
            status=seen.status,
            seconds=round(seen.seconds, 3),
            wire_bytes=seen.wire_bytes,
            correlation_id=seen.correlation_id,
        )

    return observe


def watched_refresh(refresh: Refresh, metrics: Metrics) -> Refresh:
    """Count, time and log refreshes."""

    def watched(
        clinic_id: ClinicId,
        credential_id: CredentialId,
        *,
        refused: int | None = None,
        even_if_fresh: bool = False,
    ) -> Refreshed:
        started = time.monotonic()
        try:
            refreshed = refresh(clinic_id, credential_id, refused=refused, even_if_fresh=even_if_fresh)
        except ServiceError as error:
            result = next(
                (word for kind, word in REFRESH_RESULTS.items() if isinstance(error, kind)), "other"
            )
            metrics.refreshes(result)
            log.warning("token refresh", outcome=result, error=type(error).__name__, why=str(error))
            raise
        metrics.refreshes(refreshed.outcome)
        if refreshed.outcome is not RefreshOutcome.FRESH:
            seconds = time.monotonic() - started
            metrics.refresh_seconds(seconds, "all")
            log.info("token refresh", outcome=refreshed.outcome.value, seconds=round(seconds, 3))
        return refreshed

    return watched


class WatchedAuthorizer(XeroAuthorizer):
    """Times Xero's part of a refresh, and sees a refresh token that is presented twice at once (T1)."""

    def __init__(
        self,
        transport: Transport,
        *,
        client_id: str,
        client_secret: Secret,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        super().__init__(transport, client_id=client_id, client_secret=client_secret, clock=clock)
        self._metrics = metrics
        self._presented: set[Secret] = set()
        self._lock = Lock()

    def refresh(self, refresh_token: Secret) -> TokenSet:
        """Present a refresh token and get its successor."""
        started = time.monotonic()
        with self._lock:
            if refresh_token in self._presented:
                self._metrics.overlaps()
            self._presented.add(refresh_token)
        try:
            return super().refresh(refresh_token)
        except RateLimited as error:
            self._metrics.rate_limited(error.limit)
            raise
        finally:
            with self._lock:
                self._presented.discard(refresh_token)
            self._metrics.refresh_seconds(time.monotonic() - started, "xero")


class _WatchedSource:
    """Counts what one organisation's calls bring."""

    def __init__(self, source: PayrollSource, metrics: Metrics) -> None:
        self._source = source
        self._metrics = metrics

    def ask(self, request: Request) -> Asking[Reply]:
        resource = request.resource.value
        try:
            reply = yield from self._source.ask(request)
        except RateLimited as error:
            self._metrics.rate_limited(error.limit)
            raise
        except RecordNotFound:
            self._metrics.records(resource, "gone")
            raise
        except TransientError:
            raise
        except ServiceError as error:
            self._metrics.records(resource, "refused")
            self._metrics.wrong_tenants(by=isinstance(error, WrongTenant))
            raise
        self._metrics.records(resource, "read", by=len(reply.records))
        self._metrics.records(resource, "unreadable", by=len(reply.unreadable))
        self._metrics.unknown_values(by=len(reply.unknown_values))
        for place in sorted(set(reply.unknown_values)):
            log.info("unknown value", code=place)
        return reply


def watched_source(open_source: OpenSource, metrics: Metrics) -> OpenSource:
    """Count what is read."""

    def opened(tenant: TenantId, region: Region | None, access: Access) -> PayrollSource:
        return _WatchedSource(open_source(tenant, region, access), metrics)

    return opened


class WatchedCipher(EnvelopeCipher):
    """Counts what is sealed and opened, and what cannot be opened."""

    def __init__(self, keys: KeyRing, environment: str, *, metrics: Metrics) -> None:
        super().__init__(keys, environment)
        self._metrics = metrics

    def new_key(self, place: Place) -> bytes:
        """A fresh data key, sealed for `place`."""
        with counted(self._metrics, "new_key"):
            return super().new_key(place)

    def rewrap(self, data_key: bytes, place: Place) -> bytes:
        """The same data key, sealed with the primary key."""
        with counted(self._metrics, "rewrap"):
            return super().rewrap(data_key, place)

    def seal(self, data_key: bytes, key_place: Place, plaintext: bytes, place: Place) -> bytes:
        """Seal `plaintext` for `place`."""
        with counted(self._metrics, "seal"):
            return super().seal(data_key, key_place, plaintext, place)

    def open(self, data_key: bytes, key_place: Place, sealed: bytes, place: Place) -> bytes:
        """Open what was sealed for `place`."""
        with counted(self._metrics, "open"):
            return super().open(data_key, key_place, sealed, place)


class WatchedOpener:
    """Counts sealed token sets that were handed to us."""

    def __init__(self, opener: TokenOpener, metrics: Metrics) -> None:
        self._opener = opener
        self._metrics = metrics

    def open(self, sealed: SealedTokenSet) -> HandedOver:
        """See `domain.ports.TokenOpener`."""
        with counted(self._metrics, "receive"):
            return self._opener.open(sealed)


@contextmanager
def counted(metrics: Metrics, operation: str) -> Iterator[None]:
    """Count one cryptographic operation by how it ends."""
    try:
        yield
    except SecretUnreadable as error:
        metrics.crypto(operation, "unreadable")
        log.warning("secret unreadable", code=operation, why=str(error))
        raise
    metrics.crypto(operation, "ok")


def watched_transaction(transaction: Transaction, metrics: Metrics) -> Transaction:
    """Time how long transactions wait to begin, and count those that the database fails."""

    @contextmanager
    def watched(clinic_id: ClinicId | None) -> Iterator[Stores]:
        started = time.monotonic()
        try:
            with transaction(clinic_id) as stores:
                metrics.transaction_waits(time.monotonic() - started)
                yield stores
        except (StorageUnavailable, StorageConflict, StorageBug) as error:
            metrics.storage_faults(STORAGE_FAULTS[type(error)])
            raise

    return watched
