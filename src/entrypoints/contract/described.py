"""What docstrings say of classes and of their attributes."""

import inspect
import re
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

from msgspec import Struct

SECTION = "Attributes:"
ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {6,}.+)*)", re.MULTILINE)


def summary_of(cls: type) -> str:
    """A class's docstring up to its list of attributes."""
    return _flowing((inspect.getdoc(cls) or "").partition(SECTION)[0])


def attributes_of(cls: type) -> dict[str, str]:
    """What a class's docstring says of each attribute, in Google's style."""
    listed = (inspect.getdoc(cls) or "").partition(SECTION)[2]
    return {name: _flowing(text) for name, text in ATTRIBUTE.findall(listed)}


def classes_in(cls: type) -> dict[str, type]:
    """Every message type and enumeration that a type is made of, by name."""
    found: dict[str, type] = {}
    _collect(cls, found)
    return found


def _collect(hint: Any, found: dict[str, type]) -> None:
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Struct | Enum)):
        if hint.__name__ in found:
            return
        found[hint.__name__] = hint
        for inner in () if issubclass(hint, Enum) else get_type_hints(hint).values():
            _collect(inner, found)
    for argument in get_args(hint):
        _collect(argument, found)


def _flowing(text: str) -> str:
    return re.sub(r"(?<!\n)\n(?!\n) *", " ", text.strip())
