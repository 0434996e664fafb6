"""A process that is killed at any statement it sends to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Killed(BaseException):
    """Not an error that anything could handle: the end of the process."""


@contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """Die instead of sending one more than so many statements; None spares."""

    def kill(sent: int) -> None:
        if statements is not None and sent > statements:
            raise Killed

    with watching(kill):
        yield


@contextmanager
def watching(look: Callable[[int], object]) -> Iterator[None]:
    """Do something before each statement, given how many that makes."""
    sent = 0

    def count(*_: Any) -> None:
        nonlocal sent
        sent += 1
        look(sent)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)
