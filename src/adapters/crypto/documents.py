"""A key ring's JSON document in a file: read only where it is private, written whole or not at all."""

import fcntl
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class KeyRingInvalid(Exception):
    """The key ring cannot be used; the message names what is wrong, and never a key."""


def private_text(path: Path) -> str:
    """What is in a file that others on the machine cannot read. Raises KeyRingInvalid."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(errors="replace")
    except OSError as error:
        raise KeyRingInvalid(f"cannot read the key ring {path}: {error.strerror}") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise KeyRingInvalid(f"the key ring {path} is open to everyone; run: chmod 600 {path}")
    return text


def write_document(path: Path, document: Mapping[str, Any], *, replace: bool = False) -> None:
    """
    Write a key ring that only its owner can read, whole or not at all.

    One that is replaced keeps its owner and mode. Raises FileExistsError.
    """
    if path.exists() and not replace:
        raise FileExistsError(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if path.exists():
            before = path.stat()
            os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
        json.dump(document, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def change_document(path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """
    Replace a key ring by what `change` makes of it; two that do this at once take turns.

    Raises KeyRingInvalid, and whatever `change` raises, and leaves the file as it is then.
    """
    folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # not the file's own lock: that goes with the file
        write_document(path.resolve(), change(_read_document(path)), replace=True)
    finally:
        os.close(folder)


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(private_text(path), object_pairs_hook=no_duplicates)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise KeyRingInvalid(f"{path} is not a JSON object")
    return document


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which nothing is said twice; for `object_pairs_hook`. Raises KeyRingInvalid."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise KeyRingInvalid(f"{name!r} is in the key ring twice")
    return dict(pairs)
