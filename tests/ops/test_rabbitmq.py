"""The broker's definitions: what is in them suffices for the whole service, and for nothing more."""

import json
import re
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from adapters.rabbitmq.depths import QueueDepths
from deployment.clinic import connect, is_backfilled, value
from deployment.platform import platform
from deployment.processes import deployed, until
from entrypoints.contract.schemas import OUTBOUND
from entrypoints.local.rabbitmq import PrivateRabbitmq
from simulator.server import running
from workers.queues import QUEUES

DEFINITIONS = Path(__file__).parents[2] / "ops" / "rabbitmq" / "definitions.json"
PLATFORMS_QUEUE = DEFINITIONS.with_name("platform.json")
VHOST = "allie"
WORKER, DISPATCHER, PLATFORM = "allie-xero-worker", "allie-xero-dispatcher", "allie-platform"
OPERATOR = "allie-xero-operator"
USERS = (WORKER, DISPATCHER, OPERATOR, PLATFORM)
SENT = "allie.xero.sync-finished.v1"


@dataclass(frozen=True)
class Defined:
    """A node with the definitions, and the users' passwords set as docs/operations.md says."""

    node: PrivateRabbitmq
    passwords: dict[str, str]

    def import_(self) -> None:
        self.node.ctl("import_definitions", str(DEFINITIONS))

    def set_passwords(self) -> None:
        for user, password in self.passwords.items():
            self.node.ctl("change_password", user, password)

    def url(self, user: str) -> str:
        parts = urlsplit(self.node.url_of(VHOST))
        return parts._replace(
            netloc=f"{user}:{self.passwords[user]}@{parts.netloc.partition('@')[2]}"
        ).geturl()


@pytest.fixture(scope="module")
def defined(rabbitmq_node: PrivateRabbitmq) -> Iterator[Defined]:
    found = Defined(rabbitmq_node, {user: secrets.token_hex() for user in USERS})
    found.import_()
    found.set_passwords()
    yield found
    rabbitmq_node.ctl("delete_vhost", VHOST)
    for user in USERS:
        rabbitmq_node.ctl("delete_user", user)


def test_the_service_runs_with_them_from_connect_to_disconnect(
    defined: Defined, tmp_path: Path, database_url: str
) -> None:
    with (
        running(minute_limit=6_000, day_limit=100_000) as xero,
        platform(defined.url(PLATFORM)) as main_platform,
        deployed(tmp_path, database_url, defined.url(DISPATCHER), xero.url) as service,
    ):
        organisation = xero.control.create_exact_organisation(staff=1, runs=1)
        connect(xero.control, main_platform, organisation)  # kept: the queues are in the definitions
        service.start_dispatcher()
        service.environment["AMQP_URL"] = defined.url(WORKER)
        service.start_worker()
        until(lambda: is_backfilled(main_platform), "the backfill")
        main_platform.publish_raw(b"{half", "allie.xero.sync-requested.v1")
        until(lambda: value(database_url, "SELECT 1 FROM allie_xero.failure"), "the dead letter's row")
        main_platform.publish("disconnect", {"clinic_id": "clinic-1"})
        until(lambda: main_platform.events("connection-changed", status="disconnected"), "the goodbye")
        assert "ACCESS_REFUSED" not in service.logs


def test_every_queue_is_a_quorum_queue_under_a_policy(defined: Defined) -> None:
    listed = defined.node.ctl("list_queues", "-p", VHOST, "name", "type", "policy", "--formatter", "json")
    queues = {one["name"]: one for one in json.loads(listed) if one["name"].startswith("allie-xero.")}
    assert len(queues) == 12
    assert {one["type"] for one in queues.values()} <= {"quorum", "rabbit_quorum_queue"}
    assert {name: one["policy"] for name, one in queues.items()} == {
        name: "allie-xero-rest" if name.endswith("Q") else "allie-xero-work" for name in queues
    }


def typed() -> list[str]:
    """What runbooks have people ask rabbitmqctl."""
    texts = [path.read_text() for path in sorted((DEFINITIONS.parents[1] / "runbooks").glob("*.md"))]
    return sorted({one.strip() for text in texts for one in re.findall(r"rabbitmqctl ([^|`\n]+)", text)})


@pytest.mark.parametrize("words", typed())
def test_rabbitmqctl_knows_what_runbooks_have_people_ask(defined: Defined, words: str) -> None:
    defined.node.ctl(*shlex.split(words))  # raises where it does not


def publish(channel: BlockingChannel, key: str, exchange: str = "allie.events") -> None:
    channel.confirm_delivery()
    channel.basic_publish(exchange, key, b"{}")


FORBIDDEN: dict[str, tuple[str, Callable[[BlockingChannel], object]]] = {
    "the platform sends what only we may": (PLATFORM, lambda on: publish(on, SENT)),
    "the platform sends past the exchange": (PLATFORM, lambda on: publish(on, "allie-xero.sync", "")),
    "the platform reads our queues": (PLATFORM, lambda on: on.basic_get("allie-xero.connect")),
    "the platform reads our dead letters": (PLATFORM, lambda on: on.basic_get("allie-xero.connect.XQ")),
    "the platform deletes a queue of ours": (PLATFORM, lambda on: on.queue_delete("allie-xero.sync")),
    "a worker sends events": (WORKER, lambda on: publish(on, SENT)),
    "a worker reads the platform's queue": (WORKER, lambda on: on.basic_get("allie.platform")),
    "a worker declares a queue of another name": (WORKER, lambda on: on.queue_declare("allie-xero.mine")),
    "a dispatcher sends what only the platform may": (
        DISPATCHER,
        lambda on: publish(on, "allie.xero.disconnect.v1"),
    ),
    "a dispatcher reads the platform's queue": (DISPATCHER, lambda on: on.basic_get("allie.platform")),
    "an operator takes a message": (OPERATOR, lambda on: on.basic_get("allie-xero.sync")),
    "an operator sends jobs": (OPERATOR, lambda on: publish(on, "allie-xero.sync", "")),
    "an operator deletes a queue": (OPERATOR, lambda on: on.queue_delete("allie-xero.sync")),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nobody_may_do_more_than_its_part(defined: Defined, what: str) -> None:
    user, attempt = FORBIDDEN[what]
    with (
        closing(pika.BlockingConnection(pika.URLParameters(defined.url(user)))) as connection,
        pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"),
    ):
        attempt(connection.channel())


@pytest.mark.parametrize("event", [one.type for one in OUTBOUND])
def test_events_reach_the_platforms_queue_once_it_was_bound_by_hand(defined: Defined, event: str) -> None:
    defined.node.ctl("import_definitions", str(PLATFORMS_QUEUE))
    with closing(pika.BlockingConnection(pika.URLParameters(defined.url(DISPATCHER)))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("allie.events", event, b"{}", mandatory=True)
    with closing(pika.BlockingConnection(pika.URLParameters(defined.url(PLATFORM)))) as connection:
        method, _, _ = connection.channel().basic_get("allie.platform", auto_ack=True)
        assert method is not None
        assert method.routing_key == event


def test_an_operator_sees_how_long_the_queues_are(defined: Defined) -> None:
    with closing(QueueDepths(defined.url(OPERATOR), QUEUES)) as depths:
        assert len(depths.read()) == 12


def test_importing_again_keeps_messages_and_takes_the_passwords_away(defined: Defined) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(defined.url(PLATFORM)))) as connection:
        publish(connection.channel(), "allie.xero.disconnect.v1")
    defined.import_()
    for user in USERS:
        for password in ("", defined.passwords[user]):
            parameters = pika.URLParameters(defined.url(user))
            parameters.credentials = pika.PlainCredentials(user, password)
            with pytest.raises(AMQPConnectionError):
                pika.BlockingConnection(parameters)
    defined.set_passwords()
    with closing(pika.BlockingConnection(pika.URLParameters(defined.url(WORKER)))) as connection:
        assert connection.channel().basic_get("allie-xero.control")[2] == b"{}"
