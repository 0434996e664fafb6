"""Use a refresh token before it idles away, or because an earlier refresh is in doubt."""

from domain.messages import KeepAlive
from domain.model.connection import Reason
from domain.model.ids import CredentialId
from domain.model.sync import Mode
from domain.notices import changed
from domain.ports import Stores, Transaction
from domain.use_cases.activation import request_all
from domain.use_cases.refresh_tokens import Refresh, RefreshOutcome


def keep_alive(job: KeepAlive, *, transaction: Transaction, refresh: Refresh) -> RefreshOutcome | None:
    """
    Rotate the connection's live token set; None if it has none any more. Raises as `refresh_tokens`.

    A connection that Xero had turned away goes on by itself if Xero takes its tokens again.
    """
    with transaction(job.clinic_id) as stores:
        credential = stores.credentials.live(job.connection_id)
    if credential is None:
        return None
    outcome = refresh(job.clinic_id, credential.id, even_if_fresh=True).outcome
    with transaction(job.clinic_id) as stores:
        _resume(stores, job, credential.id)
    return outcome


def _resume(stores: Stores, job: KeepAlive, credential_id: CredentialId) -> None:
    connection = stores.connections.get_for_update(job.connection_id)
    if connection is None or connection.reason is not Reason.CONSENT_WITHDRAWN:
        return
    resumed = connection.resumed()
    stores.connections.save(resumed)
    request_all(stores, resumed, mode=Mode.CHANGES)
    stores.failures.resolve(resumed.id, [f"credential:{credential_id}"])
    stores.outbox.add(changed(resumed))
