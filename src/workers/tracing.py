"""
Traces that go through: one trace id from the event that came to the events that leave.

The header is W3C's `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header). One that is not
valid starts a new trace, as the standard asks; it is never a reason to refuse an event.
"""

import re
import secrets

VALID = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
)
VERSION = "00"
SAMPLED = "01"


def continued(traceparent: object = None) -> str:
    """The same trace with a span of our own; a new trace where there is none to go on with."""
    found = VALID.match(traceparent) if isinstance(traceparent, str) else None
    if found is None or not _ends_well(str(traceparent)):
        return f"{VERSION}-{_random(16)}-{_random(8)}-{SAMPLED}"
    return f"{VERSION}-{found['trace']}-{_random(8)}-{found['flags']}"


def ids(traceparent: str) -> tuple[str, str]:
    """The trace's id and the span's."""
    _, trace, span, _ = traceparent.split("-")
    return trace, span


def _ends_well(traceparent: str) -> bool:
    """Version 00 has four parts; later versions may have more."""
    rest = traceparent[55:]
    return not rest or (not traceparent.startswith(VERSION) and rest.startswith("-"))


def _random(size: int) -> str:
    """Hexadecimal digits, not all of them zero."""
    while not int(found := secrets.token_hex(size), 16):
        pass
    return found
