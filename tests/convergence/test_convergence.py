"""
What Allie shows equals what Xero holds, whatever happens in between.

For each region and seed: a random clinic, random changes at the source of any kind that the simulator
can make, random faults, limits and kills while it is read, and Xero's uncertain facts either way. After the
last sync and one reconcile the views equal the source, to the cent, and no failure is left open.
"""

import os
from collections.abc import Iterator

import pytest

from convergence.example import Example
from simulator.server import Running, running

EXAMPLES = int(os.environ.get("CONVERGENCE_EXAMPLES", "2"))
REGIONS = os.environ.get("CONVERGENCE_REGIONS", "AU,NZ,UK").split(",")
FIRST_SEED = int(os.environ.get("CONVERGENCE_SEED", "1"))


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running() as simulator:
        yield simulator


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + EXAMPLES))
@pytest.mark.parametrize("region", REGIONS)
def test_the_views_come_to_equal_the_source(region: str, seed: int, xero: Running, database_url: str) -> None:
    wrong = Example(region, seed, xero, database_url).run()
    assert not wrong, "\n".join(wrong)
