"""Parts that a test may stop or cut off: a database, a broker and a Xero of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.postgres.migrate import migrate
from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.proxy import Proxy, proxied
from simulator.server import Running, running


@pytest.fixture
def own_postgres() -> Iterator[PrivatePostgres]:
    """A migrated server that can be stopped; durable, as in production."""
    with PrivatePostgres() as server:
        migrate(server.url)
        yield server


@pytest.fixture
def own_vhost(rabbitmq_node: PrivateRabbitmq, request: pytest.FixtureRequest) -> Iterator[str]:
    """A virtual host on a node that can be stopped."""
    name = request.node.name[:60]
    yield rabbitmq_node.add_vhost(name)
    rabbitmq_node.delete_vhost(name)


@pytest.fixture
def xero() -> Iterator[Running]:
    with running(minute_limit=6_000, day_limit=100_000) as simulator:
        yield simulator


@pytest.fixture
def main_platform(own_vhost: str) -> Iterator[Platform]:
    with platform(own_vhost) as played:
        yield played


@pytest.fixture
def service(
    tmp_path: Path, own_postgres: PrivatePostgres, own_vhost: str, xero: Running
) -> Iterator[Deployment]:
    with deployed(tmp_path, own_postgres.url, own_vhost, xero.url) as deployment:
        yield deployment


@dataclass
class Wired:
    """A service, and the cables to its database and its broker."""

    service: Deployment
    database: Proxy
    broker: Proxy


@pytest.fixture
def wired(tmp_path: Path, own_postgres: PrivatePostgres, own_vhost: str, xero: Running) -> Iterator[Wired]:
    with (
        proxied(own_postgres.url) as (database, database_url),
        proxied(own_vhost) as (broker, amqp_url),
        deployed(tmp_path, database_url, amqp_url, xero.url) as service,
    ):
        yield Wired(service, database, broker)
