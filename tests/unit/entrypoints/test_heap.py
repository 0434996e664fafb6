import gc
import weakref
from collections.abc import Iterator

import pytest

from deployment.processes import until
from entrypoints import heap


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(heap, "SWEEP_EVERY_S", 0.01)
    gc.disable()
    heap.settle()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("swept")
def test_what_only_holds_itself_is_found_while_nothing_else_looks() -> None:
    left = weakref.ref(Cycle())
    until(lambda: left() is None, "its end")
