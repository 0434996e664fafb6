"""What a process that is never restarted holds on to, second by second."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import linear_regression, median
from threading import Event, Thread

import psutil

from deployment.processes import pids_of
from entrypoints.local.process import GuardedProcess

MEGABYTE = 1_000_000
EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the first, bytes of memory, and open files, sockets among them."""

    at: float
    memory: int
    files: int


@dataclass
class Watch:
    """Samples of one command's processes, taken on a thread until it is stopped."""

    name: str
    process: GuardedProcess
    samples: list[Sample] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def start(self) -> None:
        """Look every second."""
        Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _look(self) -> None:
        began = time.monotonic()
        processes = [psutil.Process(pid) for pid in pids_of(self.process)]
        while not self._stop.wait(EVERY_S):
            memory = sum(one.memory_info().rss for one in processes)
            files = sum(one.num_fds() for one in processes)
            self.samples.append(Sample(time.monotonic() - began, memory, files))

    def found(self, after: float) -> str:
        """All of it in a line."""
        return (
            f"{self.name}: {median(one.memory for one in self._quarters()[3]) / MEGABYTE:.0f} MB, "
            f"{self.megabytes_grown():+.1f} MB in the last quarter, "
            f"{self.megabytes_an_hour(after):+.2f} MB an hour; "
            f"{self.most_files()} files at most, {self.files_grown():+} since the second quarter"
        )

    def megabytes_an_hour(self, after: float) -> float:
        """How fast memory grew after so many seconds of warm-up: the slope of a straight line."""
        late = [one for one in self.samples if one.at >= after]
        slope, _ = linear_regression([one.at for one in late], [one.memory for one in late])
        return slope * 3600 / MEGABYTE

    def megabytes_grown(self) -> float:
        """The last quarter's median above the one before."""
        third, last = self._quarters()[2:]
        return (median(one.memory for one in last) - median(one.memory for one in third)) / MEGABYTE

    def most_files(self) -> int:
        """How many were ever open at once."""
        return max(one.files for one in self.samples)

    def files_grown(self) -> int:
        """How many more were open at once in the last quarter than in the second."""
        _, second, _, last = self._quarters()
        return max(one.files for one in last) - max(one.files for one in second)

    def _quarters(self) -> list[Sequence[Sample]]:
        size = len(self.samples) // 4
        return [self.samples[n * size : (n + 1) * size] for n in range(4)]
