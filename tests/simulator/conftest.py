from collections.abc import Iterator

import pytest

from simulator.caller import Caller, connected
from simulator.client import Control, Organisation
from simulator.server import Running, running


@pytest.fixture(scope="session")
def sim() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


@pytest.fixture
def control(sim: Running) -> Control:
    """The one simulator of these tests with a new world: no organisations, no faults, no limits."""
    sim.control.reset(limits=False)
    sim.control.thaw()
    return sim.control


@pytest.fixture
def clinic(control: Control) -> Organisation:
    return control.create_organisation(staff=6, runs=4, as_of="2026-11-20")


@pytest.fixture
def caller(control: Control, clinic: Organisation) -> Caller:
    return connected(control, clinic)
