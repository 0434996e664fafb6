from collections.abc import Iterator
from datetime import timedelta

import pika
import psutil
import pytest
from pika.exceptions import AMQPError, ChannelClosedByBroker

from entrypoints.local.process import LocalServiceError, free_port
from entrypoints.local.rabbitmq import PrivateRabbitmq
from entrypoints.local.rabbitmq_node import find_binaries
from services.brokers import Broker, GivenBroker, new_vhost
from services.crashing import crash
from services.leftovers import folder_after_its_starter_is_killed, is_gone, ordinary_place, processes_of
from services.needs import leave_out


@pytest.fixture(scope="module")
def managed_node() -> Iterator[tuple[PrivateRabbitmq, GivenBroker]]:
    """A second node beside the first, with a management API: what a broker given by URL has."""
    if find_binaries() is None:
        leave_out("no RabbitMQ binaries on this machine")
    port = free_port()
    with PrivateRabbitmq(
        config=["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {port}"],
        plugins=["rabbitmq_management"],
        consumer_timeout=timedelta(seconds=61),
    ) as node:
        yield node, GivenBroker(node.url, node.description, f"http://127.0.0.1:{port}")


def connect(url: str) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(url))


def test_it_listens_on_loopback_only(rabbitmq_node: PrivateRabbitmq) -> None:
    listening = {
        connection.laddr.ip
        for process in processes_of(rabbitmq_node.folder)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1"}
    assert listening


def test_virtual_hosts_are_apart_and_go_away(rabbitmq: Broker, vhost_url: str) -> None:
    with new_vhost(rabbitmq) as other_url:
        with connect(other_url) as connection:
            connection.channel().queue_declare("only-there")
        with connect(vhost_url) as connection, pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
            connection.channel().queue_declare("only-there", passive=True)
    with pytest.raises(AMQPError):
        connect(other_url)


@pytest.fixture
def node_vhost_url(rabbitmq_node: PrivateRabbitmq) -> Iterator[str]:
    with new_vhost(rabbitmq_node) as url:
        yield url


def test_a_durable_message_survives_a_crash(rabbitmq_node: PrivateRabbitmq, node_vhost_url: str) -> None:
    with connect(node_vhost_url) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True)
        channel.basic_publish("", "kept", b"still here", pika.BasicProperties(delivery_mode=2))
    crash(rabbitmq_node)
    rabbitmq_node.start()
    with connect(node_vhost_url) as connection:
        _, _, body = connection.channel().basic_get("kept", auto_ack=True)
    assert body == b"still here"


def test_connections_can_be_dropped(rabbitmq_node: PrivateRabbitmq, node_vhost_url: str) -> None:
    connection = connect(node_vhost_url)
    rabbitmq_node.close_connections()
    with pytest.raises(AMQPError):
        connection.process_data_events(time_limit=10)


def test_a_failing_command_says_what_failed(rabbitmq_node: PrivateRabbitmq) -> None:
    with pytest.raises(LocalServiceError, match=r"delete_vhost.*no-such"):
        rabbitmq_node.delete_vhost("no-such")


def test_it_takes_plugins_settings_and_a_consumer_timeout(
    managed_node: tuple[PrivateRabbitmq, GivenBroker],
) -> None:
    node, _ = managed_node
    environment = node.ctl("environment")
    assert "{consumer_timeout,61000}" in environment
    assert "{channel_tick_interval,2000}" in environment


def test_a_broker_given_by_url_lends_virtual_hosts(managed_node: tuple[PrivateRabbitmq, GivenBroker]) -> None:
    _, given = managed_node
    with new_vhost(given) as url, connect(url) as connection:
        connection.channel().queue_declare("works")
    with pytest.raises(AMQPError):
        connect(url)


def test_a_broker_given_by_url_without_management_says_so() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    given = GivenBroker("amqp://guest:secret@127.0.0.1/", "somewhere", nowhere)
    with pytest.raises(LocalServiceError, match=nowhere):
        given.add_vhost("mine")


def test_an_ordinary_user_can_run_it_and_killing_its_starter_leaves_nothing_behind(
    rabbitmq_node: PrivateRabbitmq,
) -> None:
    with ordinary_place() as place:
        assert is_gone(folder_after_its_starter_is_killed("PrivateRabbitmq", place))
    assert processes_of(rabbitmq_node.folder), "another node is left alone"
