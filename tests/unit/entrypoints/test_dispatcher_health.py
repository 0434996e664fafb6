"""What a dispatcher's probes say of rounds that go well, that wait, and that hang."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any, cast

import pytest

from deployment.processes import until
from domain.application import Application
from domain.errors import BrokerUnavailable
from entrypoints import dispatcher, gauges
from entrypoints.dispatcher import Dispatcher
from entrypoints.gauges import GaugeReader
from entrypoints.metrics import Metrics
from workers.broker import QuorumBroker

NOWHERE = "amqp://127.0.0.1:1/"


class Rounds:
    """The use cases of a round, which do as they are told."""

    def __init__(self) -> None:
        self.hangs, self.released = Event(), Event()
        self.error: Exception | None = None

    def relay_outbox(self, _publish: object) -> int:
        if self.hangs.is_set():
            self.released.wait(10)
        if self.error is not None:
            raise self.error
        return 0

    def __getattr__(self, _name: str) -> Callable[..., int]:
        return lambda *_: 0


class NoQueues:
    """A broker that has every queue."""

    def declare_queue(self, _name: str, *, ensure: bool) -> None:
        assert ensure


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def running(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    monkeypatch.setattr(dispatcher, "TICK_S", 0.02)
    monkeypatch.setattr(dispatcher, "DEAD_LETTERS_EVERY_S", 1e9)
    monkeypatch.setattr(dispatcher, "HUNG_AFTER_S", 0.5)
    started = Dispatcher(cast("Application", rounds), cast("QuorumBroker", NoQueues()), NOWHERE, Metrics())
    started._next_drain = float("inf")
    assert started.problems() == ["no good tick yet"]
    thread = Thread(target=started.run)
    thread.start()
    yield started
    rounds.released.set()
    started.stop()
    thread.join(10)


def test_rounds_that_go_well(running: Dispatcher) -> None:
    until(lambda: running.problems() == [], "readiness")
    assert running.hung() == []


def test_a_broker_that_is_away_is_waited_for(running: Dispatcher, rounds: Rounds) -> None:
    until(lambda: running.problems() == [], "readiness")
    rounds.error = BrokerUnavailable("the broker is away (AMQPConnectionError)")
    until(lambda: running.problems() == ["the broker is away (AMQPConnectionError)"], "the reason")
    assert running.hung() == []
    rounds.error = None
    until(lambda: running.problems() == [], "readiness", patience=30)


def test_a_round_that_hangs_is_for_a_restart(running: Dispatcher, rounds: Rounds) -> None:
    until(lambda: running.problems() == [], "readiness")
    rounds.hangs.set()
    until(running.hung, "the end of patience")
    assert running.hung()[0].startswith("no tick for")


def test_rounds_that_never_go_well_are_not_ready(
    running: Dispatcher, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: running.problems() == [], "readiness")
    monkeypatch.setattr(dispatcher, "STALE_AFTER_S", 0.2)
    rounds.hangs.set()
    until(running.problems, "the end of patience")
    assert running.problems()[0].startswith("no good tick for")


class Never:
    """Gauges that cannot be read in time."""

    def __init__(self) -> None:
        self.released = Event()

    def read(self) -> None:
        self.released.wait(10)

    def close(self) -> None:
        """Nothing is open."""


def test_a_dead_or_hanging_reader_of_gauges_is_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "OLD_AFTER_S", 0.2)
    slow: Any = Never()
    reader = GaugeReader(slow, slow, Metrics(), primary_key="k")
    assert reader.problems() == ["the thread that reads the gauges is dead"]
    reader.start()
    assert reader.problems() == []
    until(reader.problems, "the end of patience")
    assert reader.problems()[0].startswith("the gauges were not looked at for")
    slow.released.set()
    reader.close()
    assert reader.problems() == ["the thread that reads the gauges is dead"]
