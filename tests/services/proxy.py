"""A TCP proxy on loopback that a test can cut, shut and open, to stand for a network that fails."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from urllib.parse import urlsplit

from entrypoints.local.process import LOOPBACK, free_port

CHUNK = 65_536


class Proxy:
    """Passes bytes on both ways while it is up; what it cuts, both sides see as reset."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = free_port()
        self._lock = Lock()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        with self._lock:
            return len(self._sockets) // 2

    def up(self) -> None:
        """Take connections."""
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port))
            Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """Cut every connection, and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            cut, self._sockets = self._sockets, set()
        for one in cut:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, server}
            for source, sink in ((client, server), (server, client)):
                Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        source.close()
        with self._lock:
            self._sockets.discard(source)


@contextmanager
def proxied(url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy to where a URL points, up, and the URL that leads through it."""
    parts = urlsplit(url)
    proxy = Proxy(str(parts.hostname), int(parts.port or 0))
    user, _, _ = parts.netloc.rpartition("@")
    through = parts._replace(netloc=f"{user}@{LOOPBACK}:{proxy.port}" if user else f"{LOOPBACK}:{proxy.port}")
    proxy.up()
    try:
        yield proxy, through.geturl()
    finally:
        proxy.down()
