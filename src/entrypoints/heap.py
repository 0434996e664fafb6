"""Memory that nobody uses is found again within a minute."""

import gc
import time
from threading import Thread

SWEEP_EVERY_S = 60.0


def settle() -> None:
    """
    Call once, when all is imported and built.

    Nearly all that a message leaves is freed at once, so CPython seldom has a reason to look for cycles, of
    broken connections and old errors, or to empty its free lists, of thousands of tuples of each size: both
    grew by megabytes for hours. What is kept for good is frozen, so that a sweep takes a millisecond at most.
    """
    gc.collect()
    gc.freeze()
    Thread(target=_sweep, name="heap", daemon=True).start()


def _sweep() -> None:
    while True:
        time.sleep(SWEEP_EVERY_S)
        gc.collect()
