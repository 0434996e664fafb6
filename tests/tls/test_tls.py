"""
TLS to Xero, PostgreSQL and RabbitMQ: who is not proven to be them is told nothing.

That the right certificate is taken is the control: then the client's first words arrive, encrypted.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from dramatiq.errors import BrokerConnectionError

from adapters.postgres.probe import DatabaseProbe
from adapters.rabbitmq.publisher import EventPublisher
from adapters.xero.authorizer import XeroAuthorizer
from adapters.xero.transport import Endpoints, Transport
from domain.errors import BrokerUnavailable, XeroUnavailable
from domain.messages import Envelope
from domain.model.ids import ClinicId, EventId
from domain.model.tokens import Secret
from entrypoints.settings import amqp_url
from tls.authority import ELSEWHERE, Authority
from tls.listener import Listener, listening
from workers.broker import QuorumBroker

CANARY = "refresh-token-canary"

Talk = Callable[[int, Path], None]
"""Talks to the server on a port, trusting the certificates in a file, and expects to fail in its own way."""


def to_xero(port: int, trusted: Path) -> None:
    url = f"https://localhost:{port}"
    transport = Transport(Endpoints(identity=url, api=url), observe=lambda _: None, ca_file=str(trusted))
    clock = partial(datetime.now, UTC)
    authorizer = XeroAuthorizer(transport, client_id="client", client_secret=Secret("secret"), clock=clock)
    with pytest.raises(XeroUnavailable):
        authorizer.refresh(Secret(CANARY))
    transport.close()


def to_postgres(port: int, trusted: Path) -> None:
    url = f"postgresql://worker:{CANARY}@localhost:{port}/allie?sslmode=verify-full&sslrootcert={trusted}"
    probe = DatabaseProbe(url)
    assert probe.problems() == ["the database is away"]
    probe.close()


def broker_url(port: int, trusted: Path) -> str:
    url = f"amqps://worker:{CANARY}@localhost:{port}/?connection_attempts=1&socket_timeout=5"
    return amqp_url({"AMQP_URL": url, "AMQP_CA_FILE": str(trusted)})


def to_rabbitmq_as_dispatcher(port: int, trusted: Path) -> None:
    event = Envelope(
        id=EventId("1"), type="x", clinic_id=ClinicId("c"), sequence=1, at=datetime.now(UTC), data={}
    )
    with pytest.raises(BrokerUnavailable):
        EventPublisher(broker_url(port, trusted)).publish(event)


def to_rabbitmq_as_worker(port: int, trusted: Path) -> None:
    broker = QuorumBroker(broker_url(port, trusted), middleware=[], count=lambda _queue, _why: None)
    with pytest.raises(BrokerConnectionError):
        broker.declare_queue("events", ensure=True)
    broker.close()


CLIENTS: dict[str, tuple[Talk, bytes]] = {
    "Xero": (to_xero, b"POST /connect/token "),
    "PostgreSQL": (to_postgres, b"user\x00worker\x00"),
    "RabbitMQ, dispatcher": (to_rabbitmq_as_dispatcher, b"AMQP\x00\x00\x09\x01"),
    "RabbitMQ, worker": (to_rabbitmq_as_worker, b"AMQP\x00\x00\x09\x01"),
}
EVERY_CLIENT = pytest.mark.parametrize("talk", [talk for talk, _ in CLIENTS.values()], ids=CLIENTS)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the clients trust."""
    return Authority.make(tmp_path_factory.mktemp("tls") / "ours")


def heard(talk: Talk, certificate: Path | None, trusted: Path) -> Listener:
    with listening(certificate) as listener:
        talk(listener.port, trusted)
    return listener


def refused(talk: Talk, certificate: Path | None, trusted: Path) -> None:
    listener = heard(talk, certificate, trusted)
    assert listener.encrypted == []
    assert not any(CANARY.encode() in one or b"worker" in one for one in listener.plain)


@pytest.mark.parametrize(("talk", "first_words"), CLIENTS.values(), ids=CLIENTS)
def test_the_right_certificate_is_taken(talk: Talk, first_words: bytes, ours: Authority) -> None:
    listener = heard(talk, ours.issue("good"), ours.trusted)
    assert first_words in listener.encrypted[0]
    assert listener.plain == []


@EVERY_CLIENT
def test_a_certificate_of_somebody_elses_authority_is_refused(
    talk: Talk, ours: Authority, tmp_path: Path
) -> None:
    refused(talk, Authority.make(tmp_path / "theirs").issue("theirs"), ours.trusted)


@EVERY_CLIENT
def test_a_certificate_for_another_host_is_refused(talk: Talk, ours: Authority) -> None:
    refused(talk, ours.issue("elsewhere", ELSEWHERE), ours.trusted)


@EVERY_CLIENT
def test_a_certificate_whose_time_is_over_is_refused(talk: Talk, ours: Authority) -> None:
    refused(talk, ours.issue("old", life=timedelta(days=-1)), ours.trusted)


@EVERY_CLIENT
def test_a_server_without_tls_is_refused(talk: Talk, ours: Authority) -> None:
    refused(talk, None, ours.trusted)
