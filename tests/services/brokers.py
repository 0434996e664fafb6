"""Virtual hosts of one's own on a RabbitMQ, deleted after use."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlsplit

import urllib3

from entrypoints.local.process import LocalServiceError
from entrypoints.local.rabbitmq_control import RabbitmqControl
from entrypoints.local.service import Service


class Broker(Protocol):
    """A RabbitMQ on which virtual hosts can be made."""

    @property
    def description(self) -> str: ...

    def add_vhost(self, name: str) -> str: ...

    def delete_vhost(self, name: str) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class GivenBroker:
    """A RabbitMQ that somebody else runs, steered through its management API."""

    url: str
    description: str
    management_url: str

    def add_vhost(self, name: str) -> str:
        """Make a virtual host that the URL's user may use, and return its AMQP URL."""
        user = quote(urlsplit(self.url).username or "guest", safe="")
        permissions = {"configure": ".*", "write": ".*", "read": ".*"}
        self._request("PUT", f"vhosts/{name}", {})
        self._request("PUT", f"permissions/{name}/{user}", permissions)
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it."""
        self._request("DELETE", f"vhosts/{name}", {})

    def close(self) -> None:
        """Leave it running: it is not ours."""

    def _request(self, method: str, path: str, body: dict[str, str]) -> None:
        parts = urlsplit(self.url)
        headers = urllib3.make_headers(basic_auth=f"{parts.username}:{parts.password}")
        where = f"{self.management_url}/api/{path}"
        try:
            answer = urllib3.request(method, where, json=body, headers=headers, timeout=10, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise LocalServiceError(f"{self.management_url}: {error}") from error
        if answer.status >= 400:
            raise LocalServiceError(f"{method} {where}: {answer.status} {answer.data.decode()[:200]}")


def as_broker(service: Service) -> Broker:
    """Return the service as something that makes virtual hosts: by itself, or by its management API."""
    if isinstance(service, RabbitmqControl):
        return service
    host = urlsplit(service.url).hostname
    management = os.environ.get("AMQP_MANAGEMENT_URL", f"http://{host}:15672")
    return GivenBroker(service.url, service.description, management.rstrip("/"))


@contextmanager
def new_vhost(broker: Broker) -> Iterator[str]:
    """Make a virtual host, give its AMQP URL, and delete it."""
    name = f"allie-xero-test-{secrets.token_hex(6)}"
    url = broker.add_vhost(name)
    try:
        yield url
    finally:
        broker.delete_vhost(name)
