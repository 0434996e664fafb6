"""
Connections to Xero that are kept for the next call, on the standard library's http.client.

A call takes a third of the CPU that it takes through urllib3's pool (docs/performance.md), and nothing here
retries, follows or waits.
"""

import select
import ssl
from collections import defaultdict, deque
from http.client import HTTPConnection, HTTPSConnection

import certifi

from adapters.xero.responses import Response
from domain.errors import XeroUnavailable


class Sockets:
    """Idle connections by origin (`https://api.xero.com`), at most `keep` of each; safe between threads."""

    def __init__(self, *, ca_file: str | None, keep: int, connect_timeout: float) -> None:
        self._tls = ssl.create_default_context(cafile=ca_file or certifi.where())
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._timeout = connect_timeout
        self._idle: defaultdict[str, deque[HTTPConnection]] = defaultdict(lambda: deque(maxlen=keep))

    def take(self, origin: str) -> HTTPConnection:
        """A connection that nobody else uses: an open one, or a new one. Raises XeroUnavailable."""
        idle = self._idle[origin]
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if _is_quiet(connection):
                return connection
            connection.close()
        return self._connected(origin)

    def give_back(self, origin: str, connection: HTTPConnection) -> None:
        """Keep it for the next call; its last answer has been read to its end."""
        self._idle[origin].append(connection)

    def close(self) -> None:
        """Let go of every idle connection."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _connected(self, origin: str) -> HTTPConnection:
        scheme, _, host = origin.partition("://")
        connection = (
            HTTPSConnection(host, timeout=self._timeout, context=self._tls)
            if scheme == "https"
            else HTTPConnection(host, timeout=self._timeout)
        )
        connection.response_class = Response  # type: ignore[assignment]
        try:
            connection.connect()
        except ssl.SSLError:
            raise XeroUnavailable("Xero's certificate is not trusted") from None
        except OSError as error:
            raise XeroUnavailable(f"cannot reach Xero ({type(error).__name__})") from None
        return connection


def _is_quiet(connection: HTTPConnection) -> bool:
    """Whether the other side has neither closed it nor sent what nobody asked for."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
