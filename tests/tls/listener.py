"""A server on loopback that shows a certificate, and keeps the first thing it is told."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest."""


@dataclass
class Listener:
    """Where it listens, and what it heard: encrypted, or not."""

    port: int
    encrypted: list[bytes] = field(default_factory=list)
    plain: list[bytes] = field(default_factory=list)


@contextmanager
def listening(certificate: Path | None) -> Iterator[Listener]:
    """Listen with that certificate and its key; with none, without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, certificate, listener), daemon=True)
        thread.start()
        yield listener
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(server: socket.socket, certificate: Path | None, listener: Listener) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.settimeout(5)
            _hear(connection, certificate, listener)


def _hear(connection: socket.socket, certificate: Path | None, listener: Listener) -> None:
    if connection.recv(8, socket.MSG_PEEK) == SSL_REQUEST:
        connection.recv(8)
        connection.sendall(b"S" if certificate else b"N")
    if certificate is None:
        _keep(connection.recv, listener.plain)
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with context.wrap_socket(connection, server_side=True) as channel:
        _keep(channel.recv, listener.encrypted)


def _keep(receive: Callable[[int], bytes], heard: list[bytes]) -> None:
    if first := receive(4_096):
        heard.append(first)
