"""What a worker's probes say of real threads, and of a real broker that goes away."""

import gc
import logging
import secrets
from collections.abc import Iterator
from threading import Event
from typing import Any

import dramatiq
import pytest
from dramatiq import MessageProxy, Worker
from dramatiq.middleware import Middleware
from dramatiq.threading import raise_thread_exception

from deployment.processes import until
from entrypoints.worker_health import RESTARTS, WorkerHealth
from services.brokers import Broker, new_vhost
from workers.broker import QuorumBroker
from workers.middleware import Watching

BUDGET_S = 0.4
THREADS = 2


dying = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Blocking(Middleware):
    """Holds a consumer's thread, or a worker's, for as long as it is told to."""

    def __init__(self) -> None:
        self.holds, self.release = Event(), Event()

    def before_delay_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:  # noqa: ARG002
        self.hold()

    def hold(self) -> None:
        self.holds.set()
        self.release.wait(30)


class Watched:
    """A worker on a virtual host of its own, with small budgets."""

    def __init__(self, url: str) -> None:
        self.queue = f"watched-{secrets.token_hex(4)}"
        self.blocking = Blocking()
        watching = Watching(lambda _: None)
        self.database: list[str] = []
        self.health = WorkerHealth(
            watching, lambda: self.database, message_budget_s=BUDGET_S, poll_budget_s=2 * BUDGET_S
        )
        self.broker = QuorumBroker(
            url, middleware=[watching, self.health, self.blocking], count=lambda *_: None
        )
        self.actor: Any = dramatiq.actor(broker=self.broker, queue_name=self.queue)(self.blocking.hold)
        self.worker = Worker(self.broker, worker_threads=THREADS, worker_timeout=100)

    def close(self) -> None:
        dead = [thread for thread in self.worker.consumers.values() if not thread.is_alive()]
        self.worker.stop(timeout=5_000)
        for thread in dead:
            thread.close()
        self.broker.close()

    def dies(self, thread: Any) -> None:
        """End a thread as an error that nobody catches would; one that is held, where it is held."""
        raise_thread_exception(thread.ident, SystemExit)  # type: ignore[no-untyped-call]
        self.blocking.release.set()
        until(lambda: not thread.is_alive(), "the end of the thread")


@pytest.fixture
def watched(module_vhost_url: str) -> Iterator[Watched]:
    found = Watched(module_vhost_url)
    assert found.health.live() == []
    assert found.health.ready() == ["not consuming yet"]
    found.worker.start()
    until(lambda: found.health.ready() == [], "readiness")
    yield found
    found.blocking.release.set()
    found.close()


def test_a_worker_that_has_all_it_needs_is_live_and_ready(watched: Watched) -> None:
    assert watched.health.live() == []
    assert watched.health.ready() == []


@dying
def test_a_dead_thread_is_for_a_restart(watched: Watched) -> None:
    watched.dies(watched.worker.workers[0])
    assert watched.health.live() == [f"1 of {THREADS} worker threads are dead"]
    assert watched.health.ready() == watched.health.live()


@dying
def test_a_dead_consumer_is_for_a_restart(watched: Watched) -> None:
    watched.actor.send_with_options(delay=50)
    assert watched.blocking.holds.wait(10)
    watched.dies(watched.worker.consumers[f"{watched.queue}.DQ"])
    assert f"the consumer of {watched.queue}.DQ is dead" in watched.health.live()


def test_a_message_that_never_ends_is_for_a_restart(watched: Watched) -> None:
    watched.actor.send()
    assert watched.blocking.holds.wait(10)
    until(watched.health.live, "the end of the message's budget")
    assert watched.health.live()[0].startswith("hold has been running for")


def test_a_stuck_consumer_is_for_a_restart(watched: Watched) -> None:
    watched.actor.send_with_options(delay=50)
    assert watched.blocking.holds.wait(10)
    until(watched.health.live, "the end of the consumer's budget")
    assert watched.health.live()[0].startswith(
        f"the consumer of {watched.queue}.DQ has not looked for messages"
    )


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_lost_broker_is_waited_for(rabbitmq: Broker) -> None:
    logging.disable(logging.CRITICAL)  # what is logged of a lost connection would keep it
    try:
        _lose_broker(rabbitmq)
    finally:
        logging.disable(logging.NOTSET)
    gc.collect()  # a connection whose virtual host is gone is closed by this alone, not by pika


def _lose_broker(rabbitmq: Broker) -> None:
    with new_vhost(rabbitmq) as url:
        watched = Watched(url)
        watched.worker.start()
        until(lambda: watched.health.ready() == [], "readiness")
        name = url.rpartition("/")[2]
        rabbitmq.delete_vhost(name)
        lost = f"no connection to the broker for {watched.queue}"
        until(lambda: lost in watched.health.ready(), "the loss")
        assert watched.health.live() == []
        rabbitmq.add_vhost(name)
        until(lambda: watched.health.ready() == [], "the broker's return")
        watched.close()


def test_a_lost_database_is_waited_for(watched: Watched) -> None:
    watched.database.append("the database is away")
    assert watched.health.live() == []
    assert watched.health.ready() == ["the database is away"]


def test_a_consumer_that_starts_over_and_over_cannot_work(watched: Watched) -> None:
    for _ in range(RESTARTS):
        watched.health.consumer_started(watched.queue)
    assert watched.health.live() == []
    assert watched.health.ready() == [
        f"the consumer of {watched.queue} was started {RESTARTS} times within a minute"
    ]


def test_the_metrics_show_slots_and_the_last_sign_of_life(watched: Watched) -> None:
    def shown() -> dict[str, float]:
        return {family.name: family.samples[0].value for family in watched.health.collect()}

    assert shown()["allie_xero_worker_slots"] == THREADS
    assert shown()["allie_xero_worker_slots_busy"] == 0
    assert shown()["allie_xero_worker_oldest_message_timestamp_seconds"] == 0
    before = shown()["allie_xero_heartbeat_timestamp_seconds"]
    watched.actor.send()
    assert watched.blocking.holds.wait(10)
    assert shown()["allie_xero_worker_slots_busy"] == 1
    assert shown()["allie_xero_worker_oldest_message_timestamp_seconds"] > 0
    until(lambda: shown()["allie_xero_heartbeat_timestamp_seconds"] > before, "another look for messages")
