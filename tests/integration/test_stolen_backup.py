"""
Somebody has a backup from before a disconnect, and the key ring: the tokens open, and Xero takes none.

A backup holds a data key beside what it seals, so destroying the key in the database cannot reach it. What
can is Xero: the token is revoked, or, where its user's other clinics need the consent, rotated once more and
its successor thrown away.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner
from adapters.postgres.engine import open_engine
from adapters.postgres.transaction import Storage, postgres_transaction
from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.transport import Endpoints, Transport
from deployment.clinic import value
from deployment.service import in_process
from domain.errors import AccessExpired, AccessForbidden, GrantRejected
from domain.model.ids import ClinicId
from domain.model.tokens import Access, HeldTokens, Secret
from entrypoints.local.service import Service
from services.databases import database_in, new_database
from simulator.client import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Control
from simulator.server import running

DOCUMENT = new_document()
MINE, OTHER = ClinicId("clinic-1"), ClinicId("clinic-2")
REVOCATION = "SELECT document->>'revocation' FROM allie_xero.certificate WHERE clinic_id = 'clinic-1'"
GRACE_S = 31 * 60


def stolen(backup: str) -> HeldTokens:
    """What a thief with the backup and the ring reads of the clinic's tokens."""
    ring = JsonKeyRing.from_document(DOCUMENT)
    engine = open_engine(backup)
    signer = CertificateSigner(ring.signing_id, ring.signing)
    storage = Storage(engine=engine, cipher=EnvelopeCipher(ring, "test"), signer=signer)
    try:
        with postgres_transaction(storage)(MINE) as stores:
            connection = stores.connections.open_for(MINE)
            assert connection is not None
            credential = stores.credentials.live(connection.id)
            assert credential is not None
            return stores.credentials.open(credential)
    finally:
        engine.dispose()


@contextmanager
def thief(xero_url: str) -> Iterator[XeroAuthorizer]:
    """Somebody who even has our client secret."""
    transport = Transport(Endpoints(identity=xero_url, api=xero_url), observe=lambda _: None)
    clock: Callable[[], datetime] = partial(datetime.now, UTC)
    yield XeroAuthorizer(transport, client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET), clock=clock)
    transport.close()


def consented(control: Control, user: str, tenant: str) -> dict[str, str]:
    code = control.consent(user, [tenant])
    return {"type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}


@pytest.mark.parametrize(("others", "revocation"), [(0, "revoked"), (1, "connection_deleted")])
def test_what_a_backup_holds_of_a_disconnected_clinic_is_worthless(
    postgres: Service, database_url: str, others: int, revocation: str
) -> None:
    ring = json.dumps(DOCUMENT)
    with running(limits=False) as xero:
        control = xero.control
        organisation = control.create_exact_organisation(staff=1, runs=1)
        second = control.create_exact_organisation(staff=1, runs=1)
        control.set_member(second.tenant_id, organisation.owner, role="STANDARD", payroll_admin=True)
        with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=ring) as service:
            for service.clinic, tenant in [(MINE, organisation), (OTHER, second)][: 1 + others]:
                grant = consented(control, organisation.owner, tenant.tenant_id)
                assert service.publish("connect-completed", grant=grant) == "active"
            service.work()
        with new_database(postgres.url, database_in(database_url)) as backup:
            with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=ring) as service:
                service.publish("disconnect")
                service.work()
            assert value(database_url, REVOCATION) == revocation
            found = stolen(backup)

        control.advance(GRACE_S)
        with thief(xero.url) as somebody:
            with pytest.raises(GrantRejected):
                somebody.refresh(found.refresh_token)
            with pytest.raises((AccessExpired, AccessForbidden)):
                somebody.connections(Access(found.access_token, 0))
        assert len(control.connections()) == others
