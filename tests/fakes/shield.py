"""A shield for tests, where nothing interrupts."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def direct_shield(action: Callable[[], T]) -> T:
    """See `domain.ports.Shield`."""
    return action()
