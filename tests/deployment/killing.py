"""A process that is killed at any statement it sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Killed(BaseException):
    """Not an error that anything could handle: the end of the process."""


@contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """Die instead of sending one more than so many statements; None spares."""
    sent = 0

    def count(*_: Any) -> None:
        nonlocal sent
        sent += 1
        if statements is not None and sent > statements:
            raise Killed

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)
