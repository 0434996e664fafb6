"""Use a refresh token before it idles away, or because an earlier refresh is in doubt."""

from domain.messages import KeepAlive
from domain.model.connection import Connection, ConnectionStatus
from domain.model.sync import Mode
from domain.model.tokens import Access, Credential
from domain.notices import changed
from domain.ports import OpenSource, Stores, Transaction
from domain.use_cases.activation import request_all
from domain.use_cases.doubts import is_readable
from domain.use_cases.refresh_tokens import Refresh, RefreshOutcome, with_access


def keep_alive(
    job: KeepAlive, *, transaction: Transaction, refresh: Refresh, open_source: OpenSource
) -> RefreshOutcome | None:
    """
    Rotate the connection's live token set; None if it has none any more.

    A connection that Xero had turned away, its tokens or its payroll, goes on by itself once Xero takes the
    tokens and lets the payroll be read again. Raises as `refresh_tokens` and `PayrollSource.ask`.
    """
    with transaction(job.clinic_id) as stores:
        credential = stores.credentials.live(job.connection_id)
        connection = stores.connections.get(job.connection_id)
    if credential is None or connection is None:
        return None
    outcome = refresh(job.clinic_id, credential.id, even_if_fresh=True).outcome
    if _waits(connection) and _is_readable(connection, credential, refresh, open_source):
        with transaction(job.clinic_id) as stores:
            _resume(stores, connection, credential)
    return outcome


def _waits(connection: Connection) -> bool:
    return connection.status is ConnectionStatus.NEEDS_ATTENTION


def _is_readable(
    connection: Connection, credential: Credential, refresh: Refresh, open_source: OpenSource
) -> bool:
    def ask(access: Access) -> bool:
        tenant = connection.tenant
        return tenant is not None and is_readable(connection, open_source(tenant.id, tenant.region, access))

    return with_access(refresh, credential, ask)


def _resume(stores: Stores, seen: Connection, credential: Credential) -> None:
    connection = stores.connections.get_for_update(seen.id)
    if connection is None or not _waits(connection) or connection.generation != seen.generation:
        return
    resumed = connection.resumed()
    stores.connections.save(resumed)
    request_all(stores, resumed, mode=Mode.CHANGES)
    stores.failures.resolve(resumed.id, [f"credential:{credential.id}"])
    stores.outbox.add(changed(resumed))
