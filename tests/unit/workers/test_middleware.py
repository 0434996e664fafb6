from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dramatiq
import pytest
import structlog
from dramatiq import MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import SkipMessage

from domain.errors import (
    AnswerUnreadable,
    BrokerUnavailable,
    EventBusy,
    Fenced,
    GrantRejected,
    RefreshBusy,
    XeroUnavailable,
)
from workers.middleware import CarefulRetries, FreshDeliveries, LogContext, Stop

MINUTE_MS = 60_000
Enqueue = Callable[..., Any]


@dataclass
class Lease:
    """The connection that a message was delivered over."""

    is_open: bool


class RecordingBroker(StubBroker):
    """Notes what is enqueued, and may refuse it."""

    def __init__(self) -> None:
        super().__init__(middleware=[CarefulRetries()])
        self.enqueued: list[tuple[int, int | None]] = []
        self.refusal: Exception | None = None

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        if self.refusal is not None:
            raise self.refusal
        self.enqueued.append((message.options["retries"], delay))
        return message


@pytest.fixture
def broker() -> Iterator[RecordingBroker]:
    broker = RecordingBroker()
    dramatiq.actor(broker=broker, actor_name="an-event", is_hint=False)(lambda: None)
    dramatiq.actor(broker=broker, actor_name="a-hint", is_hint=True)(lambda: None)
    yield broker
    broker.close()


def message(actor: str = "an-event", **options: object) -> MessageProxy:
    return MessageProxy(
        dramatiq.Message(
            queue_name="default",
            actor_name=actor,
            args=(),
            kwargs={},
            options=dict(options),
            message_id="message-1",
        )
    )


def after(broker: RecordingBroker, worked: MessageProxy, error: BaseException | None) -> MessageProxy:
    CarefulRetries().after_process_message(broker, worked, exception=error)
    return worked


TRANSIENT = [XeroUnavailable("away"), EventBusy("busy"), RefreshBusy("busy"), BrokerUnavailable("away")]
BUGS = [ValueError("a bug"), KeyError("another")]


def test_what_went_well_is_neither_tried_again_nor_set_aside(broker: RecordingBroker) -> None:
    assert not after(broker, message(), None).failed
    assert broker.enqueued == []


@pytest.mark.parametrize("error", [*TRANSIENT, *BUGS], ids=repr)
def test_what_may_go_well_later_is_tried_again(broker: RecordingBroker, error: Exception) -> None:
    worked = after(broker, message(), error)
    assert not worked.failed
    [(retries, delay)] = broker.enqueued
    assert retries == 1
    assert delay is not None


@pytest.mark.parametrize("error", [Fenced("ended"), GrantRejected("dead")], ids=repr)
def test_what_can_never_go_well_is_set_aside_at_once(broker: RecordingBroker, error: Exception) -> None:
    assert after(broker, message(), error).failed
    assert broker.enqueued == []


def patience(broker: RecordingBroker, error: Exception, worked: MessageProxy | None = None) -> int:
    """How often an error is tried again before its message is set aside."""
    worked = worked or message()
    while not after(broker, worked, error).failed:
        pass
    return len(broker.enqueued)


@pytest.mark.parametrize(
    ("error", "times"),
    [(XeroUnavailable("away"), 1_000), (AnswerUnreadable("a page"), 20), (ValueError("a bug"), 5)],
    ids=repr,
)
def test_weather_is_waited_out_for_half_a_day_a_page_for_minutes_and_a_bug_for_one(
    broker: RecordingBroker, error: Exception, times: int
) -> None:
    assert patience(broker, error) == times


@pytest.mark.parametrize(
    ("error", "times"), [(AnswerUnreadable("a page"), 20), (ValueError("a bug"), 5)], ids=repr
)
def test_weather_that_was_waited_out_shortens_no_other_patience(
    broker: RecordingBroker, error: Exception, times: int
) -> None:
    """Odd pages are what often comes as an outage ends."""
    worked = message()
    for _ in range(60):
        assert not after(broker, worked, XeroUnavailable("away")).failed
    broker.enqueued.clear()
    assert patience(broker, error, worked) == times
    assert (broker.enqueued[0][1] or 0) >= MINUTE_MS // 2, "the delays are as long as they were"


def test_delays_grow_from_a_second_to_a_minute_and_never_beyond(broker: RecordingBroker) -> None:
    patience(broker, XeroUnavailable("away"))
    delays = [delay for _, delay in broker.enqueued if delay is not None]
    assert len(delays) == 1_000
    assert 500 <= delays[0] <= 1_000
    assert 1_000 <= delays[1] <= 2_000
    assert all(MINUTE_MS // 2 <= delay <= MINUTE_MS for delay in delays[6:])
    assert len(set(delays[6:])) > 100, "a fleet does not march in step"


def test_half_a_day_of_weather_is_waited_out(broker: RecordingBroker) -> None:
    patience(broker, XeroUnavailable("away"))
    assert sum(delay or 0 for _, delay in broker.enqueued) > 8 * 60 * MINUTE_MS


@pytest.mark.parametrize("error", [*TRANSIENT, *BUGS, Fenced("ended")], ids=repr)
def test_a_hint_is_neither_tried_again_nor_set_aside(broker: RecordingBroker, error: Exception) -> None:
    assert not after(broker, message("a-hint"), error).failed
    assert broker.enqueued == []


@pytest.mark.parametrize("refusal", [OSError("gone"), ValueError("too long")], ids=repr)
def test_a_message_whose_retry_cannot_be_published_is_set_aside_not_acknowledged(
    broker: RecordingBroker, refusal: Exception
) -> None:
    broker.refusal = refusal
    worked = message()
    with pytest.raises(type(refusal)):
        after(broker, worked, XeroUnavailable("away"))
    assert worked.failed


def test_a_retry_carries_no_traceback(broker: RecordingBroker) -> None:
    worked = after(broker, message(), ValueError("a secret"))
    assert worked.options == {"retries": 1}


def test_a_delivery_over_a_connection_that_is_gone_is_skipped(broker: RecordingBroker) -> None:
    fresh = message()
    fresh.lease = Lease(is_open=True)  # type: ignore[attr-defined]
    FreshDeliveries().before_process_message(broker, fresh)
    fresh.lease = Lease(is_open=False)  # type: ignore[attr-defined]
    with pytest.raises(SkipMessage):
        FreshDeliveries().before_process_message(broker, fresh)


def test_a_delivery_that_nobody_leased_is_worked(broker: RecordingBroker) -> None:
    FreshDeliveries().before_process_message(broker, message())


@pytest.mark.parametrize("ending", ["processed", "failed", "skipped"])
def test_the_log_names_a_message_while_it_is_worked_and_not_after(
    broker: RecordingBroker, ending: str
) -> None:
    worked, context = message(), LogContext()
    context.before_process_message(broker, worked)
    bound = structlog.contextvars.get_contextvars()
    assert (bound["message_id"], bound["actor"], bound["queue"]) == ("message-1", "an-event", "default")
    if ending == "skipped":
        context.after_skip_message(broker, worked)
    else:
        error = ValueError() if ending == "failed" else None
        context.after_process_message(broker, worked, exception=error)
    assert structlog.contextvars.get_contextvars() == {}


def test_a_worker_that_is_told_to_end_says_so(broker: RecordingBroker) -> None:
    stop = Stop()
    assert not stop.is_requested
    stop.before_worker_shutdown(broker, None)
    assert stop.is_requested
