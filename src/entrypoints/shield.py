"""Threads that dramatiq's time limits and shutdowns cannot reach."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class ThreadShield:
    """
    Runs an action on a thread of its own; see `domain.ports.Shield`.

    dramatiq raises its interrupts in the worker's thread, between any two bytecodes. One that hits while an
    action is under way ends the wait for it, not the action: that runs on to its commit, also when the
    process is ending.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="shield")

    def close(self) -> None:
        """Wait for what is under way, and take nothing more."""
        self._pool.shutdown()

    def __call__(self, action: Callable[[], T]) -> T:
        """Run it to its end and give its result."""
        return self._pool.submit(copy_context().run, action).result()
