"""
Where a key ring comes from: a file, a directory of mounted secrets, or the environment.

`LiveKeyRing` follows a ring that changes, so that keys rotate without a restart.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from adapters.crypto.documents import KeyRingInvalid, no_duplicates, private_text
from adapters.crypto.keyring import JsonKeyRing

Stamp = tuple[object, ...]
"""What differs when a ring has changed."""


class KeyRingSource(Protocol):
    """A place that holds a key ring."""

    def stamp(self) -> Stamp:
        """Changes with the ring; cheap enough to ask before every use."""
        ...

    def read(self) -> JsonKeyRing:
        """The ring as it is now. Raises KeyRingInvalid."""
        ...


@dataclass(frozen=True, slots=True)
class TextSource:
    """A document in the environment; it stays as it is until the process ends."""

    text: str = field(repr=False)

    def stamp(self) -> Stamp:
        """Never changes."""
        return ()

    def read(self) -> JsonKeyRing:
        """The ring. Raises KeyRingInvalid."""
        return JsonKeyRing.from_text(self.text)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that nobody but its owner and group can read."""

    path: Path

    def stamp(self) -> Stamp:
        """Which file it is, and when it was written."""
        return _stamp(self.path)

    def read(self) -> JsonKeyRing:
        """The ring. Raises KeyRingInvalid."""
        return JsonKeyRing.from_file(self.path)


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A directory of mounted secrets: every `*.json` in it is a part of the document."""

    path: Path

    def stamp(self) -> Stamp:
        """Which files there are, and when they were written."""
        return tuple((one.name, *_stamp(one)) for one in self._parts())

    def read(self) -> JsonKeyRing:
        """The parts as one ring. Raises KeyRingInvalid."""
        whole: dict[str, Any] = {}
        for part in self._parts():
            try:
                document = json.loads(private_text(part), object_pairs_hook=no_duplicates)
                _add(whole, document)
            except (ValueError, AttributeError):
                raise KeyRingInvalid(f"{part} is not a JSON object") from None
        return JsonKeyRing.from_document(whole)

    def _parts(self) -> list[Path]:
        return sorted(self.path.glob("*.json"))


class LiveKeyRing:
    """
    A key ring that is read again when it changes, and before an unknown key is given up.

    A change that cannot be read leaves the last good ring in force and is told to `on_problem`, once. Raises
    KeyRingInvalid where it cannot even begin.
    """

    def __init__(
        self, source: KeyRingSource, on_problem: Callable[[KeyRingInvalid], None] = lambda _: None
    ) -> None:
        self._source = source
        self._on_problem = on_problem
        self._lock = Lock()
        self._stamp = source.stamp()
        self._ring = source.read()

    @property
    def ring(self) -> JsonKeyRing:
        """The ring as it is now."""
        if self._source.stamp() != self._stamp:
            self._reload()
        return self._ring

    @property
    def primary_id(self) -> str:
        """The id of the key that wraps from now on."""
        return self.ring.primary_id

    def wrap(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """Wrap a data key, bound to `context`. Raises SecretUnreadable for an unknown id."""
        return self.ring.wrap(key_id, data_key, context)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key again. Raises SecretUnreadable."""
        if key_id not in self.ring.keys:
            self._reload()
        return self._ring.unwrap(key_id, wrapped, context)

    def _reload(self) -> None:
        with self._lock:
            stamp = self._source.stamp()
            try:
                self._ring = self._source.read()
            except KeyRingInvalid as problem:
                self._on_problem(problem)
            self._stamp = stamp


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode)


def _add(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Join objects and lists; anything else may be said twice only if it says the same."""
    for name, value in part.items():
        present = whole.setdefault(name, value)
        if isinstance(value, dict) and isinstance(present, dict) and present is not value:
            whole[name] = no_duplicates([*present.items(), *value.items()])
        elif isinstance(value, list) and isinstance(present, list) and present is not value:
            whole[name] = [*present, *value]
        elif present != value:
            raise KeyRingInvalid(f"{name!r} is in the key ring twice")
