from collections.abc import Iterator

import pytest

from simulator.server import Running, running
from tokens.fleet import Fleet, fleet


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


@pytest.fixture
def clinics(xero: Running, database_url: str) -> Iterator[Fleet]:
    """A fleet that has nothing in common with any other test's."""
    xero.control.reset(limits=False)
    with fleet(database_url, xero.control) as found:
        yield found
