"""
Somebody has a backup from before a disconnect, and the key ring: the tokens open, and Xero takes none.
Somebody runs a copy of one environment's database in another: no token opens, and Xero hears nothing.

A backup holds a data key beside what it seals, so destroying the key in the database cannot reach it. What
can is Xero: the token is revoked, or, where its user's other clinics need the consent, rotated once more and
its successor thrown away.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner
from adapters.postgres.engine import open_engine
from adapters.postgres.transaction import Storage, postgres_transaction
from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.transport import Endpoints, Transport
from deployment.ageing import age
from deployment.clinic import value
from deployment.service import in_process
from domain.errors import AccessExpired, AccessForbidden, GrantRejected, SecretUnreadable
from domain.messages import FinishDisconnect, KeepAlive, RunSlice
from domain.model.ids import ClinicId
from domain.model.tokens import Access, HeldTokens, Secret
from entrypoints.local.service import Service
from services.databases import database_in, new_database
from simulator.client import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Control, Organisation
from simulator.server import Running, running

DOCUMENT = new_document()
MINE, OTHER = ClinicId("clinic-1"), ClinicId("clinic-2")
REVOCATION = "SELECT document->>'revocation' FROM allie_xero.certificate WHERE clinic_id = 'clinic-1'"
REFUSED = "SELECT count(*) FROM allie_xero.credential_audit WHERE action = 'unreadable'"
GRACE_S = 31 * 60
MORE_THAN_A_DAY = timedelta(hours=25)


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


@contextmanager
def disconnected(
    server: Service, database_url: str, others: int
) -> Iterator[tuple[Running, HeldTokens, Organisation]]:
    """A clinic that has gone, what a backup holds of it, and the organisation of who shared its consent."""
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
        with new_database(server.url, database_in(database_url)) as backup:
            with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=ring) as service:
                service.publish("disconnect")
                service.work()
            found = stolen(backup)
        yield xero, found, second


@pytest.mark.parametrize(("others", "revocation"), [(0, "revoked"), (1, "connection_deleted")])
def test_what_a_backup_holds_of_a_disconnected_clinic_is_worthless(
    postgres: Service, database_url: str, others: int, revocation: str
) -> None:
    with disconnected(postgres, database_url, others) as (xero, found, _):
        assert value(database_url, REVOCATION) == revocation
        xero.control.advance(GRACE_S)
        with thief(xero.url) as somebody:
            with pytest.raises(GrantRejected):
                somebody.refresh(found.refresh_token)
            with pytest.raises((AccessExpired, AccessForbidden)):
                somebody.connections(Access(found.access_token, 0))
        assert len(xero.control.connections()) == others


def test_within_the_grace_a_shared_consent_shows_what_its_user_still_shares(
    postgres: Service, database_url: str
) -> None:
    with disconnected(postgres, database_url, 1) as (xero, found, second), thief(xero.url) as somebody:
        taken = somebody.refresh(found.refresh_token)
        shown = somebody.connections(Access(taken.access_token, 0))
        assert [one.tenant_id for one in shown] == [second.tenant_id]


def test_a_copy_in_another_environment_opens_nothing_and_asks_xero_nothing(
    postgres: Service, database_url: str
) -> None:
    ring = json.dumps(DOCUMENT)
    with running(limits=False) as xero:
        organisation = xero.control.create_exact_organisation(staff=1, runs=1)
        with in_process(database_url, xero.url, ALLIE_XERO_KEYRING=ring) as service:
            service.connect(xero.control, organisation)
        with new_database(postgres.url, database_in(database_url)) as copy:
            engine = open_engine(copy)
            with engine.begin() as session:
                age(session, MORE_THAN_A_DAY)
            engine.dispose()
            xero.control.clear_ledger()
            staging = {"ALLIE_XERO_KEYRING": ring, "ALLIE_XERO_ENVIRONMENT": "staging"}
            with in_process(copy, xero.url, **staging) as service:
                jobs: list[Any] = []
                service.app.schedule_due_work(jobs.append)
                assert {type(job) for job in jobs} == {KeepAlive, RunSlice}
                for job in jobs:
                    with suppress(SecretUnreadable):
                        service.run(job)
                service.publish("disconnect")
                with pytest.raises(SecretUnreadable):
                    service.run(FinishDisconnect(MINE, jobs[0].connection_id))
            assert xero.control.ledger() == []
            assert value(copy, REFUSED) == len(jobs) + 1
        assert len(xero.control.connections()) == 1
