"""Prometheus counters and histograms whose labels are closed."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from entrypoints.labels import Label

AT_ONCE = 80
"""Families of at most so many series begin at zero, so that `increase()` sees their first event."""


F = TypeVar("F", Counter, Histogram)


class _Labelled(Generic[F]):
    """A family and its series, kept by their labels' values: finding one is most of what counting costs."""

    def __init__(self, family: F, labels: Sequence[Label]) -> None:
        self.labels = tuple(labels)
        self._family: F = family
        self._series: dict[tuple[str, ...], F] = {} if labels else {(): family}
        if labels and self.bound <= AT_ONCE:
            for values in product(*(label.every for label in labels)):
                self._series_of(values)

    @property
    def bound(self) -> int:
        """How many series it can have."""
        return self.combinations

    @property
    def combinations(self) -> int:
        """How many sets of label values there can be."""
        return prod(len(label.every) for label in self.labels)

    def _series_of(self, values: tuple[str, ...]) -> F:
        """The series of these values; only folded ones are kept, so no input makes them more."""
        series = self._series.get(values)
        if series is None:
            folded = self._fold(values)
            series = self._series[folded] = self._family.labels(*folded)
        return series

    def _fold(self, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(label.fold(str(value)) for label, value in zip(self.labels, values, strict=True))


class Count(_Labelled[Counter]):
    """A counter: call it with the labels' values."""

    def __init__(self, registry: CollectorRegistry, name: str, meaning: str, *labels: Label) -> None:
        names = [label.name for label in labels]
        super().__init__(Counter(name, meaning, names, registry=registry), labels)

    def __call__(self, *values: str, by: float = 1) -> None:
        """Count something that happened."""
        series = self._series_of(values)
        if by:  # mostly nothing was unreadable, unknown or gone
            series.inc(by)


class Times(_Labelled[Histogram]):
    """A histogram of seconds: call it with the seconds and the labels' values."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        meaning: str,
        *labels: Label,
        buckets: Sequence[float],
    ) -> None:
        self._buckets = len(buckets) + 1
        names = [label.name for label in labels]
        super().__init__(Histogram(name, meaning, names, buckets=buckets, registry=registry), labels)

    def __call__(self, seconds: float, *values: str) -> None:
        """Note how long something took."""
        self._series_of(values).observe(max(0.0, seconds))

    @property
    def bound(self) -> int:
        """How many series it can have: its buckets, their sum and their count."""
        return self.combinations * (self._buckets + 2)
