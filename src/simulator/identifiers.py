"""Identifiers that follow from a seed, so that the same calls always meet the same ids."""

from hashlib import blake2b

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def identifier(*parts: object) -> str:
    """The version 4 UUID that belongs to `parts`, as text."""
    h = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{_VARIANTS[h[16]]}{h[17:20]}-{h[20:]}"
