"""
Answers as they come off the wire.

http.client reads heads with the parser of `email`, which takes most of what a call costs; a head is lines of
names and values. Raises what http.client raises, and TimeoutError when its time is over.
"""

import re
import socket
import time
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

STATUS = re.compile(r"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})\s*(?:;.*)?")
LINE_END = b"\r\n"
HEAD_END = b"\r\n\r\n"
LONGEST_HEAD = 65_536
MOST_LINES = 100
MOST_DIGITS = 18
PIECE_BYTES = 32 * 1024
FINAL = 200
WITHOUT_BODY = (204, 304)


class Response:
    """
    One answer. `begin` reads its head; `pieces` its body, in whatever pieces arrive.

    All of it until `deadline`, by the monotonic clock: what arrives byte by byte holds nobody up for longer.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._held = b""  # what has arrived and was not read yet
        self._is_last = True
        self._length: int | None = None
        self.status = 0
        self.headers: dict[str, str] = {}

    def begin(self) -> None:
        """Read the head, and pass over interim ones."""
        for _ in range(MOST_LINES):
            minor = self._head()
            if self.status >= FINAL:
                break
        else:
            raise HTTPException("no answer behind the interim ones")
        self._length = self._said_length()
        is_closed = minor == "0" or "close" in self.headers.get("connection", "").lower()
        self._is_last = is_closed or (self._length is None and not self._is_chunked)

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises IncompleteRead if it breaks off."""
        if self._length is not None:
            yield from self._exactly(self._length)
        elif self._is_chunked:
            yield from self._chunks()
        else:
            yield self._held
            yield from iter(self._piece, b"")

    @property
    def leaves_open(self) -> bool:
        """Whether another can follow over the same connection, now that this one is read to its end."""
        return not self._is_last and not self._held

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

    def _head(self) -> str:
        """A status and headers; gives the protocol's minor version."""
        if not self._held:
            self._held = self._piece()
            if not self._held:
                raise RemoteDisconnected("closed without an answer")
        first, *lines = self._until(HEAD_END).decode("latin-1").split("\r\n")
        found = STATUS.fullmatch(first)
        if found is None:
            raise BadStatusLine("no status")
        if len(lines) > MOST_LINES:
            raise HTTPException("too many headers")
        self.status = int(found[2])
        parts = [line.partition(":") for line in lines]
        self.headers = {name.strip().lower(): value.strip() for name, _, value in parts}
        return found[1]

    def _until(self, end: bytes) -> bytes:
        """What comes before `end`, which is taken too."""
        begin = 0
        while (at := self._held.find(end, begin)) < 0:
            begin = max(0, len(self._held) - len(end) + 1)
            if begin > LONGEST_HEAD:
                raise HTTPException("a line that is too long")
            self._held += self._received()
        found, self._held = self._held[:at], self._held[at + len(end) :]
        return found

    def _received(self) -> bytes:
        piece = self._piece()
        if not piece:
            raise IncompleteRead(b"")
        return piece

    def _piece(self) -> bytes:
        """What has arrived or arrives next; nothing at its end."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("an answer took too long")
        self._sock.settimeout(left)
        return self._sock.recv(PIECE_BYTES)

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            held = self._held or self._received()
            piece, self._held = held[:length], held[length:]
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while (size := self._chunk_size()) > 0:
            yield from self._exactly(size)
            self._until(LINE_END)
        for _ in range(MOST_LINES):  # trailers, which say nothing here
            if not self._until(LINE_END):
                return
        raise HTTPException("too many trailers")

    def _chunk_size(self) -> int:
        found = CHUNK.fullmatch(self._until(LINE_END))
        if found is None:
            raise IncompleteRead(b"")
        return int(found[1], 16)
