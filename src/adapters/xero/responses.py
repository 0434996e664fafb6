"""
Answers as they come off the wire, for http.client's connections.

http.client reads heads with the parser of `email`, which takes most of what a call costs; a head is lines of
names and values. Raises what http.client raises.
"""

import re
import socket
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?\r?\n")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})\s*(?:;[^\r\n]*)?\r?\n")
LONGEST_LINE = 65_536
MOST_LINES = 100
MOST_DIGITS = 18
PIECE_BYTES = 64 * 1024
FINAL = 200
WITHOUT_BODY = (204, 304)


class Response:
    """
    One answer. `begin` reads its head; `pieces` its body, in whatever pieces arrive.

    `will_close` says that nothing can follow it over the same connection. The names that http.client calls
    are its own (`HTTPConnection.response_class`).
    """

    def __init__(self, sock: socket.socket, method: str | None = None) -> None:  # noqa: ARG002
        self._file = sock.makefile("rb")
        self.status = 0
        self.headers: dict[str, str] = {}
        self.will_close = True
        self._length: int | None = None

    def begin(self) -> None:
        """Read the head, and pass over interim ones."""
        for _ in range(MOST_LINES):
            minor, self.status = self._status()
            self.headers = self._headers()
            if self.status >= FINAL:
                break
        else:
            raise HTTPException("no answer behind the interim ones")
        self._length = self._said_length()
        is_last = minor == b"0" or "close" in self.headers.get("connection", "").lower()
        self.will_close = is_last or (self._length is None and not self._is_chunked)

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises IncompleteRead if it breaks off."""
        if self._length is not None:
            yield from self._exactly(self._length)
        elif self._is_chunked:
            yield from self._chunks()
        else:
            yield from iter(lambda: self._file.read1(PIECE_BYTES), b"")

    def isclosed(self) -> bool:
        """Whether it has been let go of."""
        return self._file.closed

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    @property
    def _is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    def _said_length(self) -> int | None:
        """How long the body is, where the head tells."""
        if self.status in WITHOUT_BODY:
            return 0
        said = self.headers.get("content-length", "")
        is_told = not self._is_chunked and said.isascii() and said.isdigit()
        return int(said[:MOST_DIGITS]) if is_told else None

    def _line(self) -> bytes:
        line = self._file.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            raise HTTPException("a line that is too long")
        return line

    def _status(self) -> tuple[bytes, int]:
        line = self._line()
        if not line:
            raise RemoteDisconnected("closed without an answer")
        found = STATUS.fullmatch(line)
        if found is None:
            raise BadStatusLine("no status")
        return found[1], int(found[2])

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(MOST_LINES):
            line = self._line()
            if line in (b"\r\n", b"\n"):
                return headers
            if not line.endswith(b"\n"):
                raise IncompleteRead(b"")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        raise HTTPException("too many headers")

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._file.read1(min(length, PIECE_BYTES))
            if not piece:
                raise IncompleteRead(b"", length)
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while (size := self._chunk_size()) > 0:
            yield from self._exactly(size)
            self._line()
        self._headers()  # trailers, which say nothing here

    def _chunk_size(self) -> int:
        found = CHUNK.fullmatch(self._line())
        if found is None:
            raise IncompleteRead(b"")
        return int(found[1], 16)
