"""
Events that came back from a worker: each is worked alone, and not again once it has killed its workers.

RabbitMQ counts how often a message comes back, but what a worker merely held beside the one that killed it
comes back as often, and so does what a lost connection or a deploy returns. So starts are counted here, in
the database, before the work begins; and suspects of one process take turns, so that only one of them can
be the one that killed it. Jobs need none of it: their rows back them off.
"""

from threading import Lock, get_ident
from typing import Any

import structlog
from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware, SkipMessage

from domain.application import Application
from domain.messages import InboundEvent
from workers.events import read_event

SUSPECT = "suspect"
"""The option that a suspect's retries bear."""

log = structlog.get_logger("allie_xero")


class Suspects(Middleware):
    """Has the application count the starts of events that came back; see `domain.use_cases.dare`."""

    def __init__(self) -> None:
        self.app: Application | None = None
        self._turn = Lock()
        self._worked: tuple[int, InboundEvent] | None = None

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Wait for a suspect's turn; set it aside if it has killed too often."""
        if self.app is None or not _is_suspect(message):
            return
        event = read_event(message.kwargs["event"])
        message.options[SUSPECT] = True
        self._turn.acquire()
        try:
            may_start = self.app.dare(event)
        except BaseException:  # a database that is away: the actor finds out the same
            self._turn.release()
            raise
        if may_start:
            self._worked = (get_ident(), event)
            return
        self._turn.release()
        log.error("event kills workers", event_type=event.type)
        message.fail()
        raise SkipMessage("it has killed its workers")

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """The worker lives: take the start back, and let the next one have its turn."""
        self._end()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """The same for a delivery that went stale while it waited."""
        self._end()

    def _end(self) -> None:
        if self.app is None or self._worked is None or self._worked[0] != get_ident():
            return
        _, event = self._worked
        self._worked = None
        try:
            self.app.outlive(event)
        finally:
            self._turn.release()


def _is_suspect(message: MessageProxy) -> bool:
    came_back = getattr(message, "redelivered", False) or message.options.get(SUSPECT, False)
    return "event" in message.kwargs and bool(came_back)
