from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
from dramatiq import MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import SkipMessage

from domain.application import Application
from domain.errors import StorageUnavailable
from domain.messages import InboundEvent
from domain.use_cases.dare import dare
from domain.use_cases.outlive import outlive
from fakes.database import InMemoryDatabase
from unit.workers.wire import event, native
from workers.envelopes import event_message
from workers.suspects import Suspects

BROKER = StubBroker(middleware=[])


@pytest.fixture
def database() -> InMemoryDatabase:
    return InMemoryDatabase()


@pytest.fixture
def suspects(database: InMemoryDatabase) -> Iterator[Suspects]:
    bound: dict[str, Any] = {one.name: None for one in fields(Application)}
    bound["dare"] = partial(dare, transaction=database.transaction)
    bound["outlive"] = partial(outlive, transaction=database.transaction)
    suspects = Suspects()
    suspects.app = Application(**bound)
    yield suspects
    assert suspects._turn.acquire(blocking=False), "the turn was given back"


def delivery(event_id: str = "event-1", *, redelivered: bool = True, **options: Any) -> MessageProxy:
    message = MessageProxy(event_message(event("sync-requested", id=event_id)))
    message.redelivered = redelivered  # type: ignore[attr-defined]
    message.options.update(options)
    return message


def die(suspects: Suspects) -> None:
    """What is left of a process that was killed: its turn ends with it, and nothing else is told."""
    suspects._worked = None
    suspects._turn.release()


def test_an_event_that_never_ended_twice_is_not_started_again(suspects: Suspects) -> None:
    for _ in range(2):
        suspects.before_process_message(BROKER, delivery())
        die(suspects)
    for _ in range(2):
        message = delivery()
        with pytest.raises(SkipMessage):
            suspects.before_process_message(BROKER, message)
        assert message.failed
        suspects.after_skip_message(BROKER, message)
    suspects.before_process_message(BROKER, delivery("event-2"))
    suspects.after_process_message(BROKER, delivery("event-2"))


@pytest.mark.parametrize("error", [None, ValueError("a bug"), InterruptedError()], ids=repr)
def test_starts_that_end_are_not_counted(suspects: Suspects, error: Exception | None) -> None:
    for _ in range(10):
        suspects.before_process_message(BROKER, delivery())
        suspects.after_process_message(BROKER, delivery(), exception=error)


def test_a_suspects_retry_is_a_suspect(suspects: Suspects) -> None:
    message = delivery()
    suspects.before_process_message(BROKER, message)
    die(suspects)
    retry = delivery(redelivered=False, **message.options)
    suspects.before_process_message(BROKER, retry)
    die(suspects)
    with pytest.raises(SkipMessage):
        suspects.before_process_message(BROKER, delivery())


@pytest.mark.parametrize(
    "message", [delivery(redelivered=False), MessageProxy(event_message(event()).copy(kwargs=native()))]
)
def test_first_deliveries_and_jobs_are_no_suspects(suspects: Suspects, message: MessageProxy) -> None:
    suspects.before_process_message(BROKER, message)
    suspects.after_process_message(BROKER, message)
    assert "suspect" not in message.options


def test_suspects_take_turns(suspects: Suspects) -> None:
    begun, done = Event(), Event()

    def second() -> None:
        suspects.before_process_message(BROKER, delivery("event-2"))
        begun.set()
        suspects.after_process_message(BROKER, delivery("event-2"))
        done.set()

    suspects.before_process_message(BROKER, delivery())
    Thread(target=second, daemon=True).start()
    assert not begun.wait(0.1)
    suspects.after_process_message(BROKER, delivery())
    assert done.wait(5)


@contextmanager
def away(suspects: Suspects, what: str) -> Iterator[None]:
    """The database is gone when the application does `what`."""

    def refuse(_: InboundEvent) -> bool:
        raise StorageUnavailable("away")

    app = suspects.app
    assert app is not None
    refused: dict[str, Any] = {what: refuse}
    suspects.app = replace(app, **refused)
    yield
    suspects.app = app


def starts(database: InMemoryDatabase) -> int:
    """How many starts of the one event have had no end."""
    [seen] = database.inbox.rows.values()
    return seen.starts


def test_a_database_that_is_away_holds_no_turn(suspects: Suspects) -> None:
    with away(suspects, "dare"), pytest.raises(StorageUnavailable):
        suspects.before_process_message(BROKER, delivery())
    suspects.after_process_message(BROKER, delivery(), exception=StorageUnavailable("away"))


def test_an_end_that_the_database_missed_is_noted_before_the_next_start(
    suspects: Suspects, database: InMemoryDatabase
) -> None:
    for _ in range(10):
        suspects.before_process_message(BROKER, delivery())
        assert starts(database) == 1
        with away(suspects, "outlive"):
            suspects.after_process_message(BROKER, delivery(), exception=StorageUnavailable("away"))
            with pytest.raises(StorageUnavailable):
                suspects.before_process_message(BROKER, delivery("event-2"))
    suspects.before_process_message(BROKER, delivery())
    suspects.after_process_message(BROKER, delivery())
    assert starts(database) == 0


def test_an_end_that_the_database_missed_is_noted_after_whatever_is_done(
    suspects: Suspects, database: InMemoryDatabase
) -> None:
    other = delivery("event-2", redelivered=False)
    suspects.before_process_message(BROKER, delivery())
    with away(suspects, "outlive"):
        suspects.after_process_message(BROKER, delivery(), exception=StorageUnavailable("away"))
        suspects.after_process_message(BROKER, other)
    suspects.after_process_message(BROKER, other, exception=StorageUnavailable("away"))
    assert starts(database) == 1
    suspects.after_process_message(BROKER, other)
    assert starts(database) == 0
