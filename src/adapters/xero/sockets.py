"""
Connections to Xero that are kept for the next call, on the standard library's sockets.

A call takes a fraction of the CPU that it takes through urllib3's pool (docs/performance.md), and nothing
here retries, follows or waits.
"""

import select
import socket
import ssl
import time
from collections import defaultdict, deque
from urllib.parse import urlsplit

import certifi

from domain.errors import XeroUnavailable

PORTS = {"https": 443, "http": 80}

FRESH_S = 60.0
"""How long a connection may have been idle: what lies between forgets it some day, and tells nobody."""


_Idle = tuple[float, socket.socket]
"""Since when, by the monotonic clock."""


class Sockets:
    """Idle connections by origin (`https://api.xero.com`), at most `keep` of each; safe between threads."""

    def __init__(self, *, ca_file: str | None, keep: int, connect_timeout: float) -> None:
        self._tls = ssl.create_default_context(cafile=ca_file or certifi.where())
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._timeout = connect_timeout
        self._idle: defaultdict[str, deque[_Idle]] = defaultdict(lambda: deque(maxlen=keep))

    def take(self, origin: str) -> socket.socket:
        """A connection that nobody else uses: an open one, or a new one. Raises XeroUnavailable."""
        idle = self._idle[origin]
        while idle:
            try:
                since, sock = idle.pop()
            except IndexError:  # another thread was faster
                break
            if time.monotonic() - since < FRESH_S and _is_quiet(sock):
                return sock
            sock.close()
        try:
            return self._connected(origin)
        except ssl.SSLError:
            raise XeroUnavailable("Xero's certificate is not trusted") from None
        except OSError as error:
            raise XeroUnavailable(f"cannot reach Xero ({type(error).__name__})") from None

    def give_back(self, origin: str, sock: socket.socket) -> None:
        """Keep it for the next call; its last answer has been read to its end."""
        self._idle[origin].append((time.monotonic(), sock))

    def drop(self, origin: str) -> None:
        """Let go of every idle connection to there: one has failed, and what ended it ended the others."""
        idle = self._idle[origin]
        while idle:
            try:
                idle.pop()[1].close()
            except IndexError:  # another thread was faster
                break

    def close(self) -> None:
        """Let go of every idle connection."""
        for origin in [*self._idle]:
            self.drop(origin)

    def _connected(self, origin: str) -> socket.socket:
        url = urlsplit(origin)
        sock = socket.create_connection((url.hostname, url.port or PORTS[url.scheme]), self._timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return (
                self._tls.wrap_socket(sock, server_hostname=url.hostname) if url.scheme == "https" else sock
            )
        except BaseException:
            sock.close()
            raise


def _is_quiet(sock: socket.socket) -> bool:
    """Whether the other side has neither closed it nor sent what nobody asked for."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)
