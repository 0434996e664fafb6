"""The whole service on real parts: processes, RabbitMQ, PostgreSQL and a simulated Xero."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed
from services.logins import new_login
from simulator.client import Control
from simulator.server import Running, running


@pytest.fixture
def xero() -> Iterator[Running]:
    with running(minute_limit=6_000, day_limit=100_000) as simulator:
        yield simulator


@pytest.fixture
def control(xero: Running) -> Control:
    return xero.control


@pytest.fixture
def main_platform(vhost_url: str) -> Iterator[Platform]:
    with platform(vhost_url) as played:
        yield played


@pytest.fixture
def service(tmp_path: Path, database_url: str, vhost_url: str, xero: Running) -> Iterator[Deployment]:
    """Worker and dispatcher, each with the login that docs/database-roles.md would have it use."""
    with (
        new_login(database_url, "worker") as worker,
        new_login(database_url, "dispatcher") as dispatcher,
        deployed(tmp_path, worker, vhost_url, xero.url) as deployment,
    ):
        deployment.only["dispatcher"] = {"DATABASE_URL": dispatcher}
        yield deployment
