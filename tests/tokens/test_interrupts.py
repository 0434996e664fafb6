"""
dramatiq's interrupts: a time limit or a shutdown, raised in the worker's thread between any two lines.

What exchanges and saves tokens runs behind the shield, where they cannot hit; without it they would.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from dramatiq.middleware import Shutdown, TimeLimitExceeded
from dramatiq.middleware.threading import raise_thread_exception

from builders import CLINIC, make_connect
from domain.model.ids import CredentialId
from domain.model.tokens import HeldTokens, Secret, TokenSet
from domain.use_cases.complete_connection import ConnectOutcome
from entrypoints.shield import ThreadShield
from fakes.authorizer import Rotation
from fakes.service import InMemoryService, make_service

AFTER_EVERY_CLAIM = timedelta(seconds=151)
ID = CredentialId(1)
WHERE = ("domain.use_cases.", "domain.model.", "fakes.authorizer", "entrypoints.shield")
"""Not the fake database: a statement or a commit there happens whole or not at all, as PostgreSQL sees to."""
INTERRUPTS = [TimeLimitExceeded, Shutdown]
MANY = 2_000


class Interrupter:
    """Raises in this thread, and in no other, at the n-th line that it comes to."""

    def __init__(self, line: int, interrupt: type[BaseException]) -> None:
        self._left = line
        self._interrupt = interrupt
        self.has_raised = False

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> "Interrupter | None":
        if not str(frame.f_globals.get("__name__", "")).startswith(WHERE):
            return None
        if event == "line" and not self.has_raised:
            self._left -= 1
            if self._left < 0:
                self.has_raised = True
                raise self._interrupt
        return self


@contextmanager
def interrupted_at(line: int, interrupt: type[BaseException]) -> Iterator[Interrupter]:
    """Run what is inside until it has come to so many lines."""
    interrupter, before = Interrupter(line, interrupt), sys.gettrace()
    sys.settrace(interrupter)
    try:
        yield interrupter
    except interrupt:
        assert interrupter.has_raised
    finally:
        sys.settrace(before)


def lines(run: Callable[[int], bool]) -> int:
    """Interrupt at the first line, the second and so on, to its end; gives how many there are."""
    for line in range(MANY):
        if not run(line):
            return line
    raise AssertionError("there is no end to it")


def connected(rotation: Rotation = Rotation.STRICT) -> InMemoryService:
    service = make_service(rotation)
    service.connect()
    return service


def held(service: InMemoryService) -> HeldTokens:
    return service.database.credentials.tokens[ID]


def refresh(service: InMemoryService) -> None:
    found = service.refresh(CLINIC, ID, even_if_fresh=True)
    assert service.authorizer.accepts(found.access)
    assert found.access.token == held(service).access_token, "nothing is given out before it is committed"


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_an_interrupted_refresh_is_saved_whole_or_was_never_begun(interrupt: type[BaseException]) -> None:
    """Xero gives no grace here: a rotation that is not saved would be the end."""

    def run(line: int) -> bool:
        service = connected()
        service.shield = shield = ThreadShield(1)
        asked = service.authorizer.script.calls.count("refresh")
        with interrupted_at(line, interrupt) as interrupter:
            refresh(service)
        shield.close()
        row = service.database.credentials.rows[ID]
        assert row.version == service.authorizer.script.calls.count("refresh") - asked
        assert (row.intent_at, row.lease_until) == (None, None)
        assert service.authorizer.refresh_tokens[held(service).refresh_token.reveal()].used_at is None
        return interrupter.has_raised

    assert lines(run) >= 3


def test_an_interrupt_in_the_middle_of_a_refresh_ends_the_wait_for_it_and_not_the_refresh() -> None:
    service = connected()
    service.shield = shield = ThreadShield(1)
    worker, rotate = threading.get_ident(), service.authorizer.refresh

    def interrupt_and_rotate(token: Secret) -> TokenSet:
        raise_thread_exception(worker, TimeLimitExceeded)  # type: ignore[no-untyped-call]
        return rotate(token)

    service.authorizer.refresh = interrupt_and_rotate  # type: ignore[method-assign, assignment]
    with pytest.raises(TimeLimitExceeded):
        refresh(service)
    shield.close()
    row = service.database.credentials.rows[ID]
    assert (row.version, row.intent_at, row.lease_until) == (1, None, None)
    assert service.authorizer.refresh_tokens[held(service).refresh_token.reveal()].used_at is None


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_an_interrupted_connect_loses_no_consent(interrupt: type[BaseException]) -> None:
    """A code can be exchanged once: its tokens are kept, and the next delivery goes on with them."""

    def run(line: int) -> bool:
        service = make_service(Rotation.STRICT)
        event = make_connect(service.authorizer.consent("tenant-1"))
        service.shield = shield = ThreadShield(1)
        with interrupted_at(line, interrupt) as interrupter:
            service.complete_connection(event)
        shield.close()
        service.shield = ThreadShield(1)
        service.database.pass_time(AFTER_EVERY_CLAIM)
        outcome = service.complete_connection(event)
        service.shield.close()
        assert outcome in (ConnectOutcome.ACTIVE, ConnectOutcome.DUPLICATE)
        assert service.connection().is_active
        assert service.authorizer.script.calls.count("exchange") == 1
        return interrupter.has_raised

    assert lines(run) > 40


@pytest.mark.parametrize("rotation", [Rotation.GRACE_ALL, Rotation.GRACE_LATEST])
def test_an_exception_at_any_line_of_a_refresh_is_recovered_from(rotation: Rotation) -> None:
    """What the shield keeps away, and what no shield can: at every line of the exchange itself."""

    def run(line: int) -> bool:
        service = connected(rotation)
        with interrupted_at(line, MemoryError) as interrupter:
            refresh(service)
        service.database.pass_time(AFTER_EVERY_CLAIM)
        refresh(service)
        assert service.connection().is_active
        assert service.database.credentials.rows[ID].intent_at is None
        return interrupter.has_raised

    assert lines(run) > 40
