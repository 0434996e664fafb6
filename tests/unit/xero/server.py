"""A server on loopback that says exactly what a test wants, byte by byte."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]


@dataclass
class ScriptedServer:
    """Where it listens, and what it was asked."""

    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def serving(talk: Talk) -> Iterator[ScriptedServer]:
    """Read each connection's request, then let `talk` answer, and close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ScriptedServer("http://{}:{}".format(*listener.getsockname()))
        thread = threading.Thread(target=_serve, args=(listener, talk, server), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, talk: Talk, server: ScriptedServer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            server.requests.append(_request(connection))
            talk(connection)


def _request(connection: socket.socket) -> bytes:
    """A request with its body; of what is no HTTP, the beginning."""
    received = connection.recv(65_536)
    while received[:1].isalpha() and not _is_whole(received):
        received += connection.recv(65_536)
    return received


def _is_whole(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(blank) and len(body) >= int(length[1] if length else 0)


def answer(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; header names have underscores for dashes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def saying(data: bytes) -> Talk:
    """Send some bytes."""
    return lambda connection: connection.sendall(data)
