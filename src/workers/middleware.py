"""What happens around every message: retries, log context, and refusing stale deliveries."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from threading import get_ident
from typing import Any, cast

import structlog
from dramatiq import Broker, Message, MessageProxy
from dramatiq.common import q_name
from dramatiq.middleware import Middleware, SkipMessage

from domain.application import Application
from domain.errors import AnswerUnreadable, PermanentError, ServiceError, TransientError
from workers.broker import LONGEST_DELAY_MS
from workers.consumer import LeasedMessage
from workers.events import read_event
from workers.tracing import continued, ids

log = structlog.get_logger("allie_xero")

PATIENCE: dict[type[BaseException], int] = {
    TransientError: 1_000,
    AnswerUnreadable: 20,
    PermanentError: 0,
    BaseException: 5,
}
"""
How often each is tried again: half a day of weather, ten minutes of odd pages, a minute of bugs.

Tries that were for weather count for weather alone: odd pages are what often comes as an outage ends.
"""

SHORTEST_DELAY_MS = 1_000


class CarefulRetries(Middleware):
    """
    Try again later, or set aside for good; a message whose retry cannot be published is not acknowledged.

    In the place of dramatiq's own `Retries`, which acknowledges in that case, and puts tracebacks, with
    whatever they quote, into the message. A hint is not retried here at all: its row is found again. An event
    is set aside when the application has given it up.
    """

    def __init__(self) -> None:
        self.app: Application | None = None

    @property
    def actor_options(self) -> set[str]:
        """`throws`: errors logged without a traceback, in dramatiq's word. `is_hint`: see above."""
        return {"throws", "is_hint"}

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Decide what becomes of a message that failed."""
        if exception is None or broker.get_actor(message.actor_name).options.get("is_hint"):
            return
        retries = message.options.get("retries", 0)
        try:
            if _is_enough(message, exception) and self._is_given_up(message):
                message.fail()
                return
            message.options["retries"] = retries + 1
            if isinstance(exception, TransientError):
                message.options["waited"] = message.options.get("waited", 0) + 1
            broker.enqueue(cast("Message[Any]", message), delay=_delay(retries))
        except Exception:
            message.fail()
            self._is_given_up(message)
            raise

    def _is_given_up(self, message: MessageProxy) -> bool:
        """Give an event up; False while the database is away, which has to tell the clinic."""
        if self.app is None or "event" not in message.kwargs:
            return True
        try:
            self.app.give_up(read_event(message.kwargs["event"]))
        except TransientError:
            return False
        return True


def _is_enough(message: MessageProxy, exception: BaseException) -> bool:
    """Whether it was tried as often as this error deserves."""
    tries: int = message.options.get("retries", 0)
    if not isinstance(exception, TransientError):
        tries -= message.options.get("waited", 0)
    return tries >= next(times for kind, times in PATIENCE.items() if isinstance(exception, kind))


def _delay(retries: int) -> int:
    """Milliseconds: a second, doubling to a minute, with jitter so that a fleet does not march in step."""
    longest = min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** min(retries, 6))
    return random.randint(longest // 2, longest)  # noqa: S311


class FreshDeliveries(Middleware):
    """Skip what was delivered over a connection that is gone: the broker delivers it again."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Raise SkipMessage for a stale delivery."""
        lease = getattr(message, "lease", None)
        if lease is not None and not lease.is_open:
            raise SkipMessage("delivered over a connection that is gone")
        if isinstance(message, LeasedMessage):
            message.lease.begun(message)


@dataclass(frozen=True, slots=True)
class Worked:
    """
    A message that a worker is done with.

    `result`: ok, retried, failed (given up), dropped (a hint: its row is found again) or stale. `wait` is how
    long a job was on its way, None for events.
    """

    queue: str
    actor: str
    result: str
    seconds: float = 0.0
    wait: float | None = None


class Watching(Middleware):
    """Knows what the worker's threads are at, since when, and tells what became of it."""

    def __init__(self, worked: Callable[[Worked], None]) -> None:
        self._worked = worked
        self._begun: dict[int, tuple[float, str]] = {}

    def under_way(self) -> list[tuple[float, str]]:
        """Messages that are being worked: since when (`time.monotonic`), and their actor; oldest first."""
        return sorted(self._begun.copy().values())

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Note the start; each thread works one message at a time."""
        self._begun[get_ident()] = (time.monotonic(), message.actor_name)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Tell of a message that was worked, and log one that failed."""
        now = time.monotonic()
        started, _ = self._begun.pop(get_ident(), (now, ""))
        word = _result(broker, message, exception)
        if exception is not None:
            why = str(exception) if isinstance(exception, ServiceError) else None
            log.warning("message not done", outcome=word, error=type(exception).__name__, why=why)
        wait = None
        if "event" not in message.kwargs and not message.options.get("retries"):
            wait = time.time() - message.message_timestamp / 1000 - (now - started)
        queue = q_name(message.queue_name)
        self._worked(Worked(queue, message.actor_name, word, now - started, wait))

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """Tell of a stale delivery, or of one that was given up before it was begun."""
        self._begun.pop(get_ident(), None)
        word = "failed" if message.failed else "stale"
        self._worked(Worked(q_name(message.queue_name), message.actor_name, word))


def _result(broker: Broker, message: MessageProxy, exception: BaseException | None) -> str:
    if exception is None:
        return "ok"
    if broker.get_actor(message.actor_name).options.get("is_hint"):
        return "dropped"
    return "failed" if message.failed else "retried"


class LogContext(Middleware):
    """Every log line of a message names it, its actor, its clinic and its trace."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Bind the message to this thread's log context."""
        event = message.kwargs.get("event") or {}
        trace_id, span_id = ids(message.options.get("traceparent") or continued())
        structlog.contextvars.bind_contextvars(
            message_id=message.message_id,
            actor=message.actor_name,
            queue=message.queue_name,
            trace_id=trace_id,
            span_id=span_id,
            clinic_id=message.kwargs.get("clinic_id") or event.get("data", {}).get("clinic_id"),
            connection_id=message.kwargs.get("connection_id"),
        )

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Unbind it."""
        structlog.contextvars.clear_contextvars()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """Unbind it here too: a skipped message is not processed."""
        structlog.contextvars.clear_contextvars()


class Stop(Middleware):
    """Knows whether the worker has been asked to end; then closes what it held open."""

    def __init__(self) -> None:
        self.is_requested = False
        self.closing = ExitStack()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """Remember it."""
        self.is_requested = True

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """Close what the worker held open."""
        self.closing.close()
