"""Every series that the code can show: their names, labels, and how many there can be."""

from entrypoints import gauges, labels
from entrypoints.families import Count, Times
from entrypoints.metrics import POOL, Metrics
from entrypoints.worker_health import WorkerHealth
from workers.middleware import Watching

BUILD = 1
QUEUES = len(labels.QUEUE.every)


def families(metrics: Metrics) -> dict[str, Count | Times]:
    """The counters and histograms of a process by their attribute's name."""
    return {name: value for name, value in vars(metrics).items() if isinstance(value, Count | Times)}


def metric_names(metrics: Metrics) -> set[str]:
    """Every name that a scrape may hold, with the suffixes of histograms."""
    metrics.built("test")
    metrics.watch_pool(lambda: (0, 0))
    metrics.registry.register(WorkerHealth(Watching(lambda _: None), list))
    names = set()
    for family in metrics.registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {f"{family.name}{suffix}" for suffix in suffixes.get(family.type, [""])}
    return names | {f"allie_xero_{spec.name}" for spec in gauge_specs()}


def gauge_specs() -> list[gauges.Spec]:
    """Every gauge of the whole service."""
    queues = [gauges.QUEUE_MESSAGES, gauges.QUEUE_CONSUMERS, gauges.QUEUE_SINCE]
    return [*gauges.FROM_ROWS.values(), gauges.BY_KEY, gauges.READ_AT, *queues]


def most_series(metrics: Metrics) -> int:
    """The most series that one process can show of its own, its gauges included."""
    counted = sum(family.bound for family in families(metrics).values())
    of_rows = sum(len(spec.label.every) if spec.label else 1 for spec in gauges.FROM_ROWS.values())
    of_queues = QUEUES * len(labels.DEPTH.every) + 2 * QUEUES
    of_worker = 3 + len(labels.PART.every)
    of_pool = len(labels.POOL.every)
    assert POOL.startswith("allie_xero_")
    return counted + of_rows + of_queues + gauges.KEYS_SHOWN + 1 + of_worker + of_pool + BUILD


def label_names(metrics: Metrics) -> set[str]:
    """The names of all labels."""
    of_families = {label.name for family in families(metrics).values() for label in family.labels}
    of_gauges = {spec.label.name for spec in gauges.FROM_ROWS.values() if spec.label}
    return of_families | of_gauges | {"kek_id", labels.KEY_ROLE.name, "queue", "kind", "part", "state"}
