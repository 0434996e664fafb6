"""Prometheus counters and histograms whose labels are closed."""

from collections.abc import Sequence
from itertools import product
from math import prod

from prometheus_client import CollectorRegistry, Counter, Histogram

from entrypoints.labels import Label

AT_ONCE = 80
"""Families of at most so many series begin at zero, so that `increase()` sees their first event."""


class _Labelled:
    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = tuple(labels)

    @property
    def bound(self) -> int:
        """How many series it can have."""
        return self.combinations

    @property
    def combinations(self) -> int:
        """How many sets of label values there can be."""
        return prod(len(label.every) for label in self.labels)

    def _fold(self, values: Sequence[str]) -> list[str]:
        return [label.fold(str(value)) for label, value in zip(self.labels, values, strict=True)]

    def _at_once(self) -> list[tuple[str, ...]]:
        if not self.labels or self.bound > AT_ONCE:
            return []
        return list(product(*(label.every for label in self.labels)))


class Count(_Labelled):
    """A counter: call it with the labels' values."""

    def __init__(self, registry: CollectorRegistry, name: str, meaning: str, *labels: Label) -> None:
        super().__init__(labels)
        self._counter = Counter(name, meaning, [label.name for label in labels], registry=registry)
        for values in self._at_once():
            self._counter.labels(*values)

    def __call__(self, *values: str, by: float = 1) -> None:
        """Count something that happened."""
        (self._counter.labels(*self._fold(values)) if self.labels else self._counter).inc(by)


class Times(_Labelled):
    """A histogram of seconds: call it with the seconds and the labels' values."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        meaning: str,
        *labels: Label,
        buckets: Sequence[float],
    ) -> None:
        super().__init__(labels)
        self._buckets = len(buckets) + 1
        names = [label.name for label in labels]
        self._histogram = Histogram(name, meaning, names, buckets=buckets, registry=registry)
        for values in self._at_once():
            self._histogram.labels(*values)

    def __call__(self, seconds: float, *values: str) -> None:
        """Note how long something took."""
        histogram = self._histogram.labels(*self._fold(values)) if self.labels else self._histogram
        histogram.observe(max(0.0, seconds))

    @property
    def bound(self) -> int:
        """How many series it can have: its buckets, their sum and their count."""
        return self.combinations * (self._buckets + 2)
