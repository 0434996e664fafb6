"""
A document without its values: which fields there are, and of what kind each value is.

What is kept of a text is one of the words below, so no name, number or date survives.
"""

import re
from collections.abc import Iterable
from typing import Any

KINDS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "/Date(ms+zone)/": re.compile(r"/Date\(-?\d+[+-]\d{4}\)/"),
    "/Date(ms)/": re.compile(r"/Date\(-?\d+\)/"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time without zone": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
    "date-time with decimals, without zone": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+"),
    "date-time with zone": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)"),
    "capitals": re.compile(r"[A-Z][A-Z0-9_]*"),
    "digits": re.compile(r"\d+"),
    "masked": re.compile(r"[\d*xX•. -]*[*xX•]{2,}[\d*xX•. -]*"),
    "empty text": re.compile(r""),
}
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
"""A field's name as Xero writes them; anything else might be a value."""


def kind_of(value: object) -> str:
    """The kind of a plain value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "whole number"
        case float():
            return "number"
        case str():
            return next((kind for kind, form in KINDS.items() if form.fullmatch(value)), "text")
        case _:
            raise TypeError(type(value).__name__)


def shape_of(*documents: Any) -> Any:
    """The shape that all of these have together; a field that some lack is marked with a question mark."""
    objects = [one for one in documents if isinstance(one, dict)]
    lists = [one for one in documents if isinstance(one, list)]
    kinds = sorted({kind_of(one) for one in documents if not isinstance(one, dict | list)})
    shapes: list[Any] = []
    if objects:
        shapes.append(_merged(objects))
    if lists:
        held = [one for entries in lists for one in entries]
        shapes.append([shape_of(*held)] if held else [])
    if kinds:
        shapes.append(" | ".join(kinds))
    return shapes[0] if len(shapes) == 1 else shapes


def _merged(objects: list[dict[str, Any]]) -> dict[str, Any]:
    merged = {}
    for name in _names(objects):
        held = [one[name] for one in objects if name in one]
        mark = "" if len(held) == len(objects) else "?"
        merged[(name if FIELD.fullmatch(name) else "(no field's name)") + mark] = shape_of(*held)
    return merged


def _names(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Every name once, in the order of their coming."""
    return list(dict.fromkeys(name for one in objects for name in one))
