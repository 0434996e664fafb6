"""A broker that loses a node, its quorum or its disk: what it confirmed is there, the rest waits."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from adapters.rabbitmq.publisher import EXCHANGE, EventPublisher
from deployment.clinic import rows, value
from deployment.platform import Platform
from deployment.processes import Deployment, deployed, until
from domain.errors import BrokerUnavailable, PublishRefused
from domain.messages import Envelope
from domain.model.ids import ClinicId, EventId
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.crashing import crash
from simulator.server import Running

EVENTS = 5_000
KILL_AFTER = 1_000
QUEUE = "everything"
TYPE = "allie.xero.payroll-erased.v1"
DELIVERED_WITHIN_S = 60.0

ADD = (
    "INSERT INTO allie_xero.outbox (event_id, clinic_id, type, data) VALUES (%s, 'c', %s, '{}') RETURNING id"
)
UNSENT = "SELECT count(*) FROM allie_xero.outbox WHERE sent_at IS NULL"


@dataclass
class Trio:
    """A cluster of three and a queue on all of them, led by the first."""

    nodes: list[PrivateRabbitmq]

    @contextmanager
    def channel(self, number: int) -> Iterator[BlockingChannel]:
        """A plain client's, to one of the nodes."""
        connection = pika.BlockingConnection(pika.URLParameters(self.nodes[number].url))
        yield connection.channel()
        connection.close()

    def heard(self, number: int) -> list[str]:
        """The ids of all that is in the queue; it stays there."""
        with self.channel(number) as channel:
            ids = []
            while (got := channel.basic_get(QUEUE))[0]:
                ids.append(json.loads(got[2] or b"")["id"])
            return ids


@pytest.fixture
def trio() -> Iterator[Trio]:
    with ExitStack() as stack:
        first = stack.enter_context(PrivateRabbitmq())
        others = [stack.enter_context(PrivateRabbitmq(join=first)) for _ in range(2)]
        cluster = Trio([first, *others])
        with cluster.channel(0) as channel:
            channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
            channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(QUEUE, EXCHANGE, "allie.xero.#")
        time.sleep(1)  # RabbitMQ 3.10 forgets quorum queues that were declared just now
        yield cluster


def envelope(number: int) -> Envelope:
    return Envelope(
        id=EventId(f"event-{number}"),
        clinic_id=ClinicId("c"),
        type=TYPE,
        sequence=number,
        at=datetime.now(UTC),
        data={},
    )


def test_nothing_that_was_confirmed_is_lost_with_the_leader(trio: Trio) -> None:
    publisher = EventPublisher(trio.nodes[1].url)
    confirmed: list[str] = []
    while len(confirmed) < EVENTS:
        event = envelope(len(confirmed))
        try:
            publisher.publish(event)
        except (BrokerUnavailable, PublishRefused):
            time.sleep(0.1)
            continue
        confirmed.append(event.id)
        if len(confirmed) == KILL_AFTER:
            crash(trio.nodes[0])
    publisher.close()
    assert set(confirmed) <= set(until(lambda: whole(trio), "a new leader"))


def whole(trio: Trio) -> list[str]:
    try:
        return trio.heard(1)
    except AMQPError:
        return []


@pytest.fixture
def clustered(
    trio: Trio, tmp_path: Path, own_postgres: PrivatePostgres, xero: Running
) -> Iterator[Deployment]:
    with deployed(tmp_path, own_postgres.url, trio.nodes[2].url, xero.url) as service:
        yield service


def test_without_a_quorum_events_wait_in_the_outbox(
    trio: Trio, clustered: Deployment, own_postgres: PrivatePostgres
) -> None:
    clustered.start_dispatcher()
    time.sleep(1)
    for node in trio.nodes[:2]:
        crash(node)
    rows(own_postgres.url, ADD, "event-1", TYPE)
    time.sleep(5)
    assert value(own_postgres.url, UNSENT) == 1
    for node in trio.nodes[:2]:
        node.start()
    until(lambda: value(own_postgres.url, UNSENT) == 0, "the event", patience=DELIVERED_WITHIN_S)
    assert set(trio.heard(2)) == {"event-1"}


def test_while_the_brokers_disk_is_full_events_wait_in_the_outbox(
    service: Deployment,
    rabbitmq_node: PrivateRabbitmq,
    main_platform: Platform,
    own_postgres: PrivatePostgres,
) -> None:
    service.start_dispatcher()
    rabbitmq_node.ctl("set_disk_free_limit", "100000GB")
    try:
        rows(own_postgres.url, ADD, "event-1", TYPE)
        time.sleep(5)
        assert value(own_postgres.url, UNSENT) == 1
    finally:
        rabbitmq_node.ctl("set_disk_free_limit", "50MB")
    until(lambda: main_platform.events("payroll-erased"), "the event", patience=DELIVERED_WITHIN_S)
    until(lambda: value(own_postgres.url, UNSENT) == 0, "its row", patience=DELIVERED_WITHIN_S)
