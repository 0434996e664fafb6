"""
Bodies that are rendered and compressed once and sent many times.

Only an envelope's head (id, time) differs from answer to answer. It travels as a stored deflate block
in front of the remembered compressed rest (RFC 1951 §3.2.4), so a gzipped answer costs one checksum.
"""

import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable

import msgspec

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def pretty(document: object) -> bytes:
    """JSON as Xero's older APIs print it: indented, lines ending in CRLF."""
    return msgspec.json.format(_ENCODE(document), indent=2).replace(b"\n", b"\r\n")


def compact(document: object) -> bytes:
    """JSON as Xero's newer APIs print it."""
    return _ENCODE(document)


class Content:
    """The part of a body that follows the envelope's head."""

    __slots__ = ("_deflated", "plain")

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._deflated: bytes | None = None

    def gzipped(self, head: bytes) -> bytes:
        """`head` and this content as one gzip member."""
        if self._deflated is None:
            compressor = zlib.compressobj(level=4, wbits=-15)
            self._deflated = compressor.compress(self.plain) + compressor.flush()
        crc = zlib.crc32(self.plain, zlib.crc32(head))
        stored = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF)
        trailer = struct.pack("<II", crc, len(head) + len(self.plain))
        return b"".join((_GZIP, stored, head, self._deflated, trailer))


class ContentCache:
    """Rendered contents by key, the least recently used leave first."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        self._capacity = capacity
        self._contents: OrderedDict[Hashable, Content] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, render: Callable[[], bytes]) -> Content:
        """The content for `key`, rendered now if it is not held."""
        content = self._contents.get(key)
        if content is None:
            content = self._contents[key] = Content(render())
            self._size += len(content.plain)
            while self._size > self._capacity() and len(self._contents) > 1:
                self._size -= len(self._contents.popitem(last=False)[1].plain)
        else:
            self._contents.move_to_end(key)
        return content

    def clear(self) -> None:
        """Forget everything."""
        self._contents.clear()
        self._size = 0
