"""
PostgreSQL and RabbitMQ from a Docker engine, by testcontainers.

Imported only where the tests' libraries are installed (see `finding.py`).
"""

import secrets
from typing import Final
from urllib.parse import quote

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from entrypoints.local.process import LocalServiceError
from entrypoints.local.rabbitmq_control import RabbitmqControl

POSTGRES_IMAGE: Final = "postgres:17"
RABBITMQ_IMAGE: Final = "rabbitmq:4.2-management"
AMQP_PORT: Final = 5672


class ContainerPostgres:
    """A PostgreSQL in a container, removed on close."""

    def __init__(self) -> None:
        self._container = PostgresContainer(
            POSTGRES_IMAGE, password=secrets.token_urlsafe(18), driver="psycopg"
        ).start()
        self.url: str = self._container.get_connection_url()
        self.description = f"{POSTGRES_IMAGE} in Docker"

    def close(self) -> None:
        """Stop the container and remove it."""
        self._container.stop()


class ContainerRabbitmq(RabbitmqControl):
    """A RabbitMQ in a container, removed on close."""

    def __init__(self) -> None:
        self._password = secrets.token_urlsafe(18)
        container = DockerContainer(RABBITMQ_IMAGE).with_exposed_ports(AMQP_PORT)
        container.with_envs(RABBITMQ_DEFAULT_USER=self.user, RABBITMQ_DEFAULT_PASS=self._password)
        self._container = container.waiting_for(LogMessageWaitStrategy("Server startup complete")).start()
        self.url = self.url_of("/")
        self.description = f"{RABBITMQ_IMAGE} in Docker"

    def url_of(self, vhost: str) -> str:
        """Return the AMQP URL of a virtual host."""
        host = self._container.get_container_host_ip()
        port = self._container.get_exposed_port(AMQP_PORT)
        return f"amqp://{self.user}:{self._password}@{host}:{port}/{quote(vhost, safe='')}"

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` inside the container (see `RabbitmqControl.ctl`)."""
        code, output = self._container.exec(["rabbitmqctl", "-q", *arguments])
        said: str = output.decode(errors="replace")
        if code != 0:
            raise LocalServiceError(f"rabbitmqctl {arguments[0]}: {said}")
        return said

    def close(self) -> None:
        """Stop the container and remove it."""
        self._container.stop()
