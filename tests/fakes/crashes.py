"""A process that dies between any two of its steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast

from domain.model.ids import ClinicId
from domain.ports import Authorizer, OpenSource, Stores, Transaction
from fakes.service import InMemoryService


class Crash(BaseException):
    """Not an error that anything could handle: the end of the process."""


@dataclass
class Fuse:
    """Burns down with every step, and blows after so many."""

    steps: int
    blown: bool = False

    def burn(self) -> None:
        if self.steps == 0:
            self.blown = True
            raise Crash
        self.steps -= 1


class Fused:
    """A port of which every call is two steps: the process may die before it and after it."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if callable(found):
            return _fused_call(found, self._fuse)
        return Fused(found, self._fuse) if type(found).__module__.startswith("fakes.") else found

    def __call__(self, *arguments: Any) -> "Fused":
        return Fused(cast("Callable[..., object]", self._port)(*arguments), self._fuse)


def _fused_call(call: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    @wraps(call)
    def fused(*arguments: Any, **named: Any) -> Any:
        fuse.burn()
        result = call(*arguments, **named)
        fuse.burn()
        return result

    return fused


def _fused_transaction(transaction: Transaction, fuse: Fuse) -> Transaction:
    @contextmanager
    def fused(clinic_id: ClinicId | None) -> Iterator[Stores]:
        fuse.burn()
        with transaction(clinic_id) as stores:
            yield cast("Stores", Fused(stores, fuse))
            fuse.burn()
        fuse.burn()

    return fused


def with_fuse(service: InMemoryService, fuse: Fuse) -> InMemoryService:
    """The same service, in a process that dies when its fuse is burnt down."""
    return replace(
        service,
        transaction=_fused_transaction(service.transaction, fuse),
        identity=cast("Authorizer", Fused(service.identity, fuse)),
        open_source=cast("OpenSource", Fused(service.open_source, fuse)),
    )
