"""
What a client sees of a pooler: a server whose process is not the one that it was told of.

PgBouncer makes up the BackendKeyData of its clients' sessions. This passes on everything else as it is.
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

KEY_DATA = b"K" + struct.pack("!i", 12)
"""How BackendKeyData begins, up to and with protocol 3.0's length; the number of the process follows."""


@contextmanager
def pooler(url: str) -> Iterator[str]:
    """The URL of the same database, seen so."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = (parts.hostname, parts.port or 5432)
        threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
        login = parts.netloc.rpartition("@")[0]
        yield parts._replace(netloc=f"{login}@127.0.0.1:{listener.getsockname()[1]}").geturl()
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            backend = socket.create_connection(server)
            threading.Thread(target=_pass, args=(client, backend), daemon=True).start()
            threading.Thread(target=_pass, args=(backend, client), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source, target:
        while data := source.recv(65_536):
            head, key, rest = data.partition(KEY_DATA)
            target.sendall(head + key + (b"\x00\x00\x00\x01" + rest[4:] if key else b""))
