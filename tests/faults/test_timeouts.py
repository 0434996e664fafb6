"""RabbitMQ takes back what is worked for longer than it allows: nothing is worked twice, nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployment.clinic import CLINIC, connect, is_backfilled
from deployment.platform import platform
from deployment.processes import deployed, pids_of, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from simulator.server import Running
from workers.actors import TIME_LIMIT_MS

RABBITMQS_OWN = timedelta(minutes=30)
SHORT = timedelta(seconds=6)


@pytest.fixture
def impatient() -> Iterator[PrivateRabbitmq]:
    """A node whose consumers have six seconds for a message instead of half an hour."""
    with PrivateRabbitmq(consumer_timeout=SHORT) as node:
        yield node


def test_a_slice_that_outlasts_the_brokers_patience_is_finished_once(
    impatient: PrivateRabbitmq, tmp_path: Path, own_postgres: PrivatePostgres, xero: Running
) -> None:
    xero.control.settings(latency=0.6)
    organisation = xero.control.create_organisation(staff=6, runs=10, seed=32)
    with (
        platform(impatient.url) as main_platform,
        deployed(tmp_path, own_postgres.url, impatient.url, xero.url) as service,
    ):
        service.start_dispatcher()
        worker = service.start_worker()
        pids = pids_of(worker)
        connect(xero.control, main_platform, organisation)
        until(lambda: taken_back(service.scrape("worker")), "the broker's patience to end")
        until(lambda: is_backfilled(main_platform), "the backfill", patience=150)
        until(lambda: not service.problems("worker"), "readiness")
        assert pids_of(worker) == pids
        assert differences(xero.control.truth(organisation.tenant_id), own_postgres.url, CLINIC) == []
        assert len(main_platform.events("sync-finished", mode="backfill")) == 1


def taken_back(metrics: str) -> bool:
    """Whether the consumer of slices had to start again."""
    name = 'allie_xero_consumer_starts_total{queue="allie-xero.sync"}'
    return any(line.startswith(name) and float(line.split()[-1]) > 1 for line in metrics.splitlines())


def test_no_message_may_be_worked_for_as_long_as_the_broker_waits() -> None:
    assert timedelta(milliseconds=TIME_LIMIT_MS) < RABBITMQS_OWN / 2
