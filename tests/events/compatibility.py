"""What between two schemas of one event breaks the promises of docs/events/README.md."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

WORDS = {"description", "title", "$id", "$schema"}
GROWING = {"Reason", "Fault", "Stream"}
"""Enumerations of ours that may get new values: receivers are told to expect it."""


def breaks(old: Schema, new: Schema, *, is_inbound: bool) -> list[str]:
    """
    What of the new schema breaks who keeps to the old one, one line each.

    Of what we receive, all that was taken before is still taken; of what we send, all that was there before
    is still there and means the same.
    """
    return list(_breaks("", old, new, is_inbound))


def _breaks(path: str, old: Any, new: Any, is_inbound: bool) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path} was {old!r}, is {new!r}"
        return
    for name in sorted(old.keys() | new.keys()):
        place = f"{path}.{name}" if path else name
        if name in WORDS and not path.endswith(("properties", "$defs")):
            continue
        if name not in new or name not in old:
            yield from _come_or_gone(path, place, name in new, is_inbound)
        elif name in ("required", "enum") and isinstance(old[name], list):
            yield from _list(path, name, old[name], new[name], is_inbound)
        elif not _is_wider(name, old[name], new[name], is_inbound):
            yield from _breaks(place, old[name], new[name], is_inbound)


def _come_or_gone(path: str, place: str, is_new: bool, is_inbound: bool) -> Iterator[str]:
    if is_new and path.endswith(("properties", "$defs")):
        return
    if not is_new and place.endswith(("maxLength", "minLength", "pattern", "required")) and is_inbound:
        return
    yield f"{place} is {'new' if is_new else 'gone'}"


def _list(path: str, name: str, old: list[Any], new: list[Any], is_inbound: bool) -> Iterator[str]:
    """What is required, or which values there are."""
    if name == "required":
        may_grow, may_shrink = not is_inbound, is_inbound
    else:
        may_grow, may_shrink = is_inbound or path.rsplit(".", maxsplit=1)[-1] in GROWING, False
    gone = [] if may_shrink else [one for one in old if one not in new]
    come = [] if may_grow else [one for one in new if one not in old]
    yield from (f"{path}.{name} no longer has {one!r}" for one in gone)
    yield from (f"{path}.{name} now has {one!r}" for one in come)


def _is_wider(name: str, old: Any, new: Any, is_inbound: bool) -> bool:
    if not is_inbound or not isinstance(old, int) or not isinstance(new, int):
        return False
    return (name == "maxLength" and new >= old) or (name == "minLength" and new <= old)
