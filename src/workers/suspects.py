"""
Events that came back from a worker: each is worked alone, and not again once it has killed its workers.

RabbitMQ counts how often a message comes back, but what a worker merely held beside the one that killed it
comes back as often, and so does what a lost connection or a deploy returns. So starts are counted here, in
the database, before the work begins; and suspects of one process take turns, so that only one of them can
be the one that killed it. An end that the database was not there to note is noted when it is there again.
Jobs need none of it: their rows back them off.
"""

from threading import Lock, get_ident
from typing import Any

import structlog
from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware, SkipMessage

from domain.application import Application
from domain.errors import StorageUnavailable
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
        self._outlived: InboundEvent | None = None

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Wait for a suspect's turn; set it aside if it has killed too often."""
        if self.app is None or not _is_suspect(message):
            return
        event = read_event(message.kwargs["event"])
        message.options[SUSPECT] = True
        self._turn.acquire()
        try:
            self._note_end(self.app)
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
        # A message that is done shows that the database is there.
        if self._outlived is not None and exception is None and self._turn.acquire(blocking=False):
            self._give_turn_back()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """The same for a delivery that went stale while it waited."""
        self._end()

    def _end(self) -> None:
        if self._worked is None or self._worked[0] != get_ident():
            return
        (_, self._outlived), self._worked = self._worked, None
        self._give_turn_back()

    def _give_turn_back(self) -> None:
        try:
            if self.app is not None:
                self._note_end(self.app)
        except StorageUnavailable:
            log.warning("the end of a suspect is noted later")
        finally:
            self._turn.release()

    def _note_end(self, app: Application) -> None:
        """At most one is owed: nothing is dared before."""
        if self._outlived is not None:
            app.outlive(self._outlived)
            self._outlived = None


def _is_suspect(message: MessageProxy) -> bool:
    came_back = getattr(message, "redelivered", False) or message.options.get(SUSPECT, False)
    return "event" in message.kwargs and bool(came_back)
