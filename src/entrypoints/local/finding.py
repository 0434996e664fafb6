"""
Find or start a PostgreSQL and a RabbitMQ.

The order: a URL that was given; a private one from binaries on this machine; a Docker engine; for
RabbitMQ, as root on Debian and only when allowed, its package. Nothing else on the machine is touched.
"""

import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from entrypoints.local import debian, postgres, rabbitmq_node
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
from entrypoints.local.service import Service

DOCKER_PATIENCE: Final = 2  # seconds for the engine's answer


@dataclass(frozen=True, slots=True)
class GivenService:
    """A service that somebody else runs."""

    url: str
    description: str

    def close(self) -> None:
        """Leave it running: it is not ours."""


def find_postgres(
    given_url: str | None = None, *, options: Mapping[str, str] | None = None
) -> Service | None:
    """
    Return a running PostgreSQL, or None where there is none to be had.

    Args:
        given_url: a server to use as it is, usually from `DATABASE_URL`.
        options: settings for a private server.

    Raises:
        LocalServiceError: there are binaries, but the server did not start.
    """
    if given_url:
        return GivenService(given_url, f"PostgreSQL at {_place(given_url)}")
    if postgres.find_binaries() is not None:
        return PrivatePostgres(options=options).open()
    if _docker_answers():
        from entrypoints.local.containers import ContainerPostgres  # noqa: PLC0415 - a test library

        return ContainerPostgres()
    return None


def find_rabbitmq(given_url: str | None = None, *, may_install: bool = False) -> Service | None:
    """
    Return a running RabbitMQ, or None where there is none to be had.

    Args:
        given_url: a broker to use as it is, usually from `AMQP_URL`.
        may_install: whether root on Debian may install the package `rabbitmq-server`.

    Raises:
        LocalServiceError: there are binaries, but the node did not start; or the installation failed.
    """
    if given_url:
        return GivenService(given_url, f"RabbitMQ at {_place(given_url)}")
    if rabbitmq_node.find_binaries() is not None:
        return PrivateRabbitmq().open()
    if _docker_answers():
        from entrypoints.local.containers import ContainerRabbitmq  # noqa: PLC0415 - a test library

        return ContainerRabbitmq()
    if may_install and debian.can_install():
        debian.install("rabbitmq-server")
        return PrivateRabbitmq().open()
    return None


def _docker_answers() -> bool:
    if importlib.util.find_spec("testcontainers") is None or shutil.which("docker") is None:
        return False
    ask = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(ask, capture_output=True, timeout=DOCKER_PATIENCE, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _place(url: str) -> str:
    """Where a URL points, without its name and password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}{parts.path}"
