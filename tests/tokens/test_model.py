"""
Random lives of two clinics' token sets, with the invariants of `docs/tokens.md` after every step.

`TOKEN_EXAMPLES` says how many lives (2,000), `TOKEN_SEED` which.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tokens.machine import live_through

EXAMPLES = int(os.environ.get("TOKEN_EXAMPLES", "2000"))
SEED = int(os.environ.get("TOKEN_SEED", "3"))
PROCESSES = 2


def test_no_life_of_a_token_set_breaks_an_invariant() -> None:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        seeds = range(SEED, SEED + PROCESSES)
        steps = sum(pool.map(live_through, seeds, [-(-EXAMPLES // PROCESSES)] * PROCESSES))
    assert steps >= EXAMPLES * 5
