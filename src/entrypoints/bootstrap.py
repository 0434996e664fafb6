"""The composition root: every use case with its ports, bound by hand."""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import structlog

from adapters.crypto.receiving import JweTokenOpener
from adapters.crypto.signing import LiveSigner
from adapters.crypto.sources import LiveKeyRing
from adapters.postgres.engine import open_engine, pool_use
from adapters.postgres.transaction import Origin, Storage, postgres_transaction
from adapters.postgres.work import Rhythm
from adapters.xero.probing.probe import open_probe
from adapters.xero.source import open_source
from adapters.xero.transport import Endpoints, Transport
from domain.application import Application
from domain.messages import ConnectCompleted, Disconnect, SyncRequested
from domain.ports import Clock, Stopping
from domain.use_cases.advance_replays import advance_replays
from domain.use_cases.apply_retention import apply_retention
from domain.use_cases.complete_connection import ConnectOutcome, complete_connection
from domain.use_cases.dare import dare
from domain.use_cases.disconnect import DisconnectOutcome, disconnect
from domain.use_cases.erase_payroll import erase_payroll
from domain.use_cases.expire_failures import expire_failures
from domain.use_cases.finish_disconnect import finish_disconnect
from domain.use_cases.give_up import give_up
from domain.use_cases.keep_alive import keep_alive
from domain.use_cases.outlive import outlive
from domain.use_cases.probe_xero import probe_xero
from domain.use_cases.record_dead_letter import record_dead_letter
from domain.use_cases.refresh_tokens import refresh_tokens
from domain.use_cases.relay_outbox import relay_outbox
from domain.use_cases.request_sync import RequestOutcome, request_sync
from domain.use_cases.run_slice import run_slice
from domain.use_cases.schedule_due_work import schedule_due_work
from domain.use_cases.work_replay import work_replay
from entrypoints.decoders import prepare_decoders
from entrypoints.keys import key_ring
from entrypoints.metrics import Metrics
from entrypoints.observers import (
    WatchedAuthorizer,
    WatchedCipher,
    WatchedOpener,
    watched_calls,
    watched_refresh,
    watched_source,
    watched_transaction,
)
from entrypoints.settings import Settings
from entrypoints.shield import ThreadShield
from workers.events import read_event


def storage(settings: Settings, keys: LiveKeyRing, process: str, metrics: Metrics) -> Storage:
    """Where rows are kept, and how what is secret in them is sealed."""
    return Storage(
        engine=open_engine(
            settings.database_url.reveal(),
            pool_size=settings.threads + 2,
            application_name=f"allie-xero {process}",
            pooled=settings.pooled,
        ),
        cipher=WatchedCipher(keys, settings.environment, metrics=metrics),
        signer=LiveSigner(lambda: keys.ring),
        origin=_origin(process, settings.revision),
        lease=settings.lease,
        rhythm=Rhythm(changes=settings.changes_every),
        history=settings.history,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The use cases that events are worked by."""

    complete_connection: Callable[[ConnectCompleted], ConnectOutcome]
    request_sync: Callable[[SyncRequested], RequestOutcome]
    disconnect: Callable[[Disconnect], DisconnectOutcome]

    def work(self, document: Mapping[str, object]) -> str:
        """Work a kept event as its actor would. Raises what its use case raises."""
        match read_event(document):
            case ConnectCompleted() as event:
                return self.complete_connection(event)
            case SyncRequested() as event:
                return self.request_sync(event)
            case Disconnect() as event:
                return self.disconnect(event)


def build_application(
    settings: Settings, *, metrics: Metrics, stopping: Stopping, process: str, closing: ExitStack
) -> Application:
    """Bind every use case to its adapters; `closing` gets what is to be closed. Raises KeyRingInvalid."""
    clock: Clock = partial(datetime.now, UTC)
    prepare_decoders()
    keys = key_ring(settings)
    stores = storage(settings, keys, process, metrics)
    closing.callback(stores.engine.dispose)
    metrics.watch_pool(partial(pool_use, stores.engine))
    transaction = watched_transaction(postgres_transaction(stores), metrics)
    transport = Transport(
        Endpoints(identity=settings.identity_url, api=settings.api_url),
        observe=watched_calls(metrics),
        ca_file=settings.ca_file,
        pool_size=settings.threads * 4,
    )
    closing.callback(transport.close)
    authorizer = WatchedAuthorizer(
        transport,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        clock=clock,
        metrics=metrics,
    )
    shield = ThreadShield(settings.threads)
    closing.callback(shield.close)
    refresh = watched_refresh(
        partial(refresh_tokens, transaction=transaction, authorizer=authorizer, shield=shield), metrics
    )
    source = watched_source(open_source(transport, clock), metrics)
    events = Events(
        complete_connection=partial(
            complete_connection,
            transaction=transaction,
            authorizer=authorizer,
            opener=WatchedOpener(JweTokenOpener(lambda: keys.ring), metrics),
            open_source=source,
            refresh=refresh,
            shield=shield,
        ),
        request_sync=partial(request_sync, transaction=transaction),
        disconnect=partial(disconnect, transaction=transaction),
    )
    return Application(
        complete_connection=events.complete_connection,
        request_sync=events.request_sync,
        disconnect=events.disconnect,
        dare=partial(dare, transaction=transaction),
        outlive=partial(outlive, transaction=transaction),
        give_up=partial(give_up, transaction=transaction),
        run_slice=partial(
            run_slice,
            transaction=transaction,
            refresh=refresh,
            authorizer=authorizer,
            open_source=source,
            clock=clock,
            stopping=stopping,
        ),
        keep_alive=partial(keep_alive, transaction=transaction, refresh=refresh, open_source=source),
        finish_disconnect=partial(
            finish_disconnect, transaction=transaction, authorizer=authorizer, refresh=refresh
        ),
        erase_payroll=partial(erase_payroll, transaction=transaction),
        work_replay=partial(work_replay, transaction=transaction, work_event=events.work),
        advance_replays=partial(advance_replays, transaction=transaction),
        schedule_due_work=lambda send: schedule_due_work(transaction=transaction, send=send),
        relay_outbox=lambda publish: relay_outbox(transaction=transaction, publish=publish, clock=clock),
        record_dead_letter=partial(record_dead_letter, transaction=transaction),
        expire_failures=partial(expire_failures, transaction=transaction),
        apply_retention=partial(apply_retention, transaction=transaction),
        probe_xero=partial(
            probe_xero,
            transaction=transaction,
            refresh=refresh,
            open_source=source,
            probe=open_probe(transport),
        ),
    )


def _origin(process: str, revision: str) -> Callable[[], Origin]:
    """Whom the audit names: this process, and the actor and the message that it works on."""
    code = f"{version('allie-xero')} {revision}"
    name = f"{process}@{socket.gethostname()}:{os.getpid()}"

    def origin() -> Origin:
        bound = structlog.contextvars.get_contextvars()
        return Origin(
            process=name,
            purpose=bound.get("actor") or "",
            message_id=bound.get("message_id") or "",
            version=code,
        )

    return origin
