"""
The worker's consumer on a real RabbitMQ: nothing is lost when connections drop or a retry is refused.

It leans on dramatiq's private parts; these tests hold it to that. Each failing case was seen to lose
messages with dramatiq's own consumer.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import pytest
from pika.exceptions import ChannelClosedByBroker

from deployment.processes import until
from domain.errors import Fenced, XeroUnavailable
from domain.messages import RunSlice
from domain.model.ids import ClinicId, ConnectionId
from entrypoints.local.rabbitmq import PrivateRabbitmq
from integration.working import Working, channel_to, message, publish, take, waiting, working
from services.brokers import new_vhost
from services.proxy import Proxy, proxied
from unit.workers.wire import event
from workers.actors import job_message
from workers.broker import QuorumBroker
from workers.consumer import STARTED
from workers.queues import CONTROL, REQUEST_SYNC, SYNC

DELAYED, DEAD = f"{SYNC}.DQ", f"{SYNC}.XQ"
WORK = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 20,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
ARGUMENTS = {
    SYNC: WORK,
    DELAYED: {**WORK, "x-delivery-limit": 1_000_000},
    DEAD: {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
}


class Gate:
    """An actor whose messages named `held…` wait to be let go."""

    def __init__(self) -> None:
        self.begun = Event()
        self.opened = Event()

    def __call__(self, name: str) -> None:
        if name.startswith("held"):
            self.begun.set()
            assert self.opened.wait(30)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def cable(vhost_url: str) -> Iterator[tuple[Proxy, str]]:
    """What the worker's connections go through, and the URL that does."""
    with proxied(vhost_url) as through:
        yield through


def reconnected(work: Working, cable: Proxy) -> None:
    """Cut the worker's connections, and wait until the consumer has another."""
    starts = work.counted.count((SYNC, STARTED))
    cable.cut()
    until(lambda: work.counted.count((SYNC, STARTED)) > starts, "the consumer's next connection")


def test_queues_are_replicated_and_bounded(vhost_url: str) -> None:
    with working(vhost_url, lambda _: None):
        for queue, arguments in ARGUMENTS.items():
            with channel_to(vhost_url) as channel:
                channel.queue_declare(queue, durable=True, arguments=arguments)
                with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
                    channel.queue_declare(queue, durable=True, arguments={**arguments, "x-max-length": 1})


def test_an_ack_after_a_reconnect_acknowledges_nobody_elses_message(
    vhost_url: str, cable: tuple[Proxy, str], gate: Gate
) -> None:
    proxy, url = cable
    other = Event()

    def act(name: str) -> None:
        gate(name)
        if name == "other":
            assert other.wait(30)

    with working(url, act, prefetch=1) as work, channel_to(vhost_url) as thief:
        publish(vhost_url, SYNC, message("held"))
        assert gate.begun.wait(10)
        proxy.cut()
        stolen = until(lambda: thief.basic_get(SYNC)[0], "the message that came back to the queue")
        publish(vhost_url, SYNC, message("other"))
        until(lambda: "other" in work.runs, "the message with the same delivery tag")
        gate.opened.set()
        until(lambda: work.counts("stale_ack"), "the late acknowledgement")
        thief.basic_nack(stolen.delivery_tag)
        reconnected(work, proxy)
        other.set()
        until(lambda: sorted(work.runs) == ["held", "held", "other", "other"], "both, again")


def test_what_was_prefetched_before_a_reconnect_is_worked_once(
    vhost_url: str, cable: tuple[Proxy, str], gate: Gate
) -> None:
    proxy, url = cable
    with working(url, gate, threads=1) as work:
        for name in ("held", "a", "b", "c"):
            publish(vhost_url, SYNC, message(name))
        assert gate.begun.wait(10)
        until(lambda: waiting(vhost_url, SYNC) == 0, "the prefetch")
        reconnected(work, proxy)
        gate.opened.set()
        until(lambda: len(work.runs) == 5, "everything")
    assert sorted(work.runs) == ["a", "b", "c", "held", "held"]


@dataclass
class Refusing:
    """A virtual host that can be told to refuse every publish."""

    node: PrivateRabbitmq
    url: str

    def refuse(self, *, yes: bool) -> None:
        name = self.url.rsplit("/", 1)[1]
        self.node.ctl("set_permissions", "-p", name, self.node.user, ".*", "" if yes else ".*", ".*")


@pytest.fixture
def refusing(rabbitmq_node: PrivateRabbitmq) -> Iterator[Refusing]:
    with new_vhost(rabbitmq_node) as url:
        yield Refusing(rabbitmq_node, url)


def test_a_message_whose_retry_is_refused_is_set_aside_and_not_lost(refusing: Refusing, gate: Gate) -> None:
    def act(name: str) -> None:
        gate(name)
        raise XeroUnavailable("away")

    with working(refusing.url, act) as work:
        publish(refusing.url, SYNC, message("held"))
        assert gate.begun.wait(10)
        refusing.refuse(yes=True)
        gate.opened.set()
        until(lambda: waiting(refusing.url, DEAD), "the dead letter")
        assert work.runs == ["held"]
    assert [json.loads(body)["message_id"] for body in take(refusing.url, DEAD)] == ["held"]


def test_a_delayed_message_that_is_refused_when_it_is_due_comes_later(refusing: Refusing) -> None:
    with working(refusing.url, lambda _: None) as work:
        soon = {"eta": int(time.time() * 1000) + 6_000}  # not before rabbitmqctl is done, on a busy machine
        publish(refusing.url, DELAYED, message("a", queue_name=DELAYED, options=soon))
        refusing.refuse(yes=True)
        until(lambda: work.counted.count((DELAYED, STARTED)) == 2, "the consumer's next start")
        assert work.runs == []
        refusing.refuse(yes=False)
        until(lambda: work.runs, "the delayed message")
    assert take(refusing.url, DEAD) == []


@pytest.mark.parametrize("error", [Fenced("ended"), ValueError("a bug")], ids=repr)
def test_what_is_given_up_lies_in_the_dead_letters_without_a_traceback(
    vhost_url: str, error: Exception
) -> None:
    def act(_: str) -> None:
        raise error

    with working(vhost_url, act):
        publish(vhost_url, SYNC, message("a", options={"retries": 5}))
        until(lambda: waiting(vhost_url, DEAD), "the dead letter")
    [letter] = take(vhost_url, DEAD)
    assert json.loads(letter)["options"].keys() <= {"retries"}
    assert b"bug" not in letter


def ask(url: str, name: str, **data: str) -> None:
    """A clinic asks for a sync."""
    wish = event("sync-requested", {"clinic_id": "clinic-1", **data}, id=name)
    publish(url, CONTROL, json.dumps(wish).encode())


def test_a_flood_of_one_wish_is_worked_once_for_as_many_as_wait(vhost_url: str, gate: Gate) -> None:
    with working(vhost_url, gate, actor=REQUEST_SYNC, queue=CONTROL, threads=1, prefetch=4) as work:
        ask(vhost_url, "held")
        assert gate.begun.wait(10)
        for number in range(40):
            ask(vhost_url, f"again-{number}")
        ask(vhost_url, "other mode", mode="full")
        ask(vhost_url, "other clinic", clinic_id="clinic-2")
        until(lambda: waiting(vhost_url, CONTROL) == 0, "all to be taken, though one holds the thread")
        gate.opened.set()
        until(lambda: len(work.runs) == 4, "what is left of them")
        ask(vhost_url, "later")
        until(lambda: len(work.runs) == 5, "a wish that came afterwards")
    assert work.runs == ["held", "again-0", "other mode", "other clinic", "later"]
    assert take(vhost_url, CONTROL) == []


def test_what_stood_for_others_comes_back_when_the_connection_is_lost(
    vhost_url: str, cable: tuple[Proxy, str], gate: Gate
) -> None:
    proxy, url = cable
    with working(url, gate, actor=REQUEST_SYNC, queue=CONTROL, threads=1, prefetch=4) as work:
        ask(vhost_url, "held")
        assert gate.begun.wait(10)
        for number in range(9):
            ask(vhost_url, f"again-{number}")
        until(lambda: waiting(vhost_url, CONTROL) == 0, "all to be taken")
        starts = work.counted.count((CONTROL, STARTED))
        proxy.cut()
        until(lambda: work.counted.count((CONTROL, STARTED)) > starts, "the consumer's next connection")
        gate.opened.set()
        until(lambda: len(work.runs) > 1, "one that stands for all of them")
        until(lambda: waiting(vhost_url, CONTROL) == 0, "the end of it")


def test_what_came_back_stands_for_nobody_as_it_may_have_been_worked_before(
    vhost_url: str, cable: tuple[Proxy, str], gate: Gate
) -> None:
    """A second delivery of an event that is done does nothing: whoever it stood for would be lost."""
    proxy, url = cable
    with working(url, gate, actor=REQUEST_SYNC, queue=CONTROL, threads=1, prefetch=4) as work:
        ask(vhost_url, "held")
        assert gate.begun.wait(10)
        starts = work.counted.count((CONTROL, STARTED))
        proxy.cut()
        until(lambda: work.counted.count((CONTROL, STARTED)) > starts, "the consumer's next connection")
        for number in range(9):
            ask(vhost_url, f"newer-{number}")
        until(lambda: waiting(vhost_url, CONTROL) == 0, "all to be taken")
        gate.opened.set()
        until(lambda: len(work.runs) == 3, "one of the wishes that came since")
    assert work.runs == ["held", "held", "newer-0"]


def test_what_waits_longer_than_a_minute_is_refused(vhost_url: str) -> None:
    broker = QuorumBroker(vhost_url, middleware=[], count=lambda *_: None)
    slice_of_nobody = job_message(RunSlice(ClinicId("nobody"), ConnectionId(1)))
    with pytest.raises(ValueError, match="a row"):
        broker.enqueue(slice_of_nobody, delay=60_001)
    broker.enqueue(slice_of_nobody, delay=60_000)
    broker.close()
    assert waiting(vhost_url, DELAYED) == 1
