"""Questions of which one thread can have several under way, for as long as their answers take to come."""

from collections.abc import Generator
from typing import TypeVar

A = TypeVar("A")

Asking = Generator[None, None, A]
"""
A question under way: it yields when it has sent a call, is resumed to wait for that call's answer, and ends
with what it has found. Closing it gives up the call that is on its way.
"""


def answer_of(asking: Asking[A]) -> A:
    """Ask, and wait until it is answered. Raises what the question raises."""
    while True:
        try:
            next(asking)
        except StopIteration as end:
            found: A = end.value
            return found
