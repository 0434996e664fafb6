"""A deployment whose every surface a test can read: a simulator in this process, a server with its log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.operating import Operator
from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed
from services.logins import new_login
from simulator.server import Running, running_in_thread
from simulator.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def xero(world: World) -> Iterator[Running]:
    with running_in_thread(world) as simulator:
        simulator.control.settings(limits=False)
        yield simulator


@pytest.fixture
def main_platform(vhost_url: str) -> Iterator[Platform]:
    with platform(vhost_url) as played:
        yield played


@pytest.fixture
def service(tmp_path: Path, database_url: str, vhost_url: str, xero: Running) -> Iterator[Deployment]:
    with (
        new_login(database_url, "worker") as worker,
        new_login(database_url, "dispatcher") as dispatcher,
        deployed(tmp_path, worker, vhost_url, xero.url) as deployment,
    ):
        deployment.only["dispatcher"] = {"DATABASE_URL": dispatcher}
        yield deployment


@pytest.fixture
def operator(
    database_url: str,
    service: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operator]:
    for name, text in service.environment.items():
        monkeypatch.setenv(name, text)
    with new_login(database_url, "operator") as url:
        yield Operator(url, monkeypatch, capsys)
