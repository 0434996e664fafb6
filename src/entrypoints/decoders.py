"""
What msgspec knows of our types, made before there are threads.

msgspec makes it when it first meets a type. Two threads that meet one at the same moment crash the process:
one reads what the other has half made (docs/adr/0056-types-are-known-before-there-are-threads.md).
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from domain.model.kept_failure import FailureQuery
from domain.model.sync import Tally

OURS = ("adapters", "workers")
CONVERTED: tuple[type, ...] = (Tally, FailureQuery)
"""Dataclasses that rows are converted to."""


def prepare_decoders() -> list[type]:
    """Let msgspec meet every struct of the modules that are loaded, and give them."""
    types = [*_structs(msgspec.Struct), *CONVERTED]
    for one in types:
        msgspec.json.Decoder(one)
    return types


def _structs(base: type[Any]) -> Iterator[type[Any]]:
    for one in base.__subclasses__():
        if one.__module__.split(".")[0] in OURS:
            yield one
        yield from _structs(one)
