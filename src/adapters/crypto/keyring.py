"""
The key ring: which keys seal and sign from now on, and which can still open and verify.

A JSON document; `docs/keys.md` describes it. The ring wraps data keys itself, so that a key management
service, which never gives its keys away, can stand in its place.
"""

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.crypto.documents import KeyRingInvalid, no_duplicates, private_text, write_document
from domain.errors import SecretUnreadable

__all__ = ["JsonKeyRing", "KeyRing", "KeyRingInvalid", "write_document"]

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
VERSION = 1


class KeyRing(Protocol):
    """Wraps data keys with key-encryption keys that it keeps to itself."""

    @property
    def primary_id(self) -> str:
        """The id of the key that wraps from now on."""
        ...

    def wrap(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """Wrap a data key, bound to `context`. Raises SecretUnreadable for an unknown id."""
        ...

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key again. Raises SecretUnreadable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonKeyRing:
    """
    A key ring as its JSON document says it.

    `signing` is an Ed25519 seed, `verifying` the public keys of those that signed before. `receiving` are
    private JWKs for token sets sealed to us, newest first; `senders` are public JWKs of those who may seal
    them, anybody if there are none.
    """

    primary_id: str
    keys: Mapping[str, bytes] = field(repr=False)
    signing_id: str
    signing: bytes = field(repr=False)
    verifying: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    receiving: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    senders: tuple[Mapping[str, Any], ...] = field(repr=False, default=())
    promoted_at: datetime | None = None

    def primary(self) -> tuple[str, bytes]:
        """The key that seals from now on, with its id."""
        return self.primary_id, self.keys[self.primary_id]

    def get(self, key_id: str) -> bytes:
        """The key of that id. Raises SecretUnreadable."""
        try:
            return self.keys[key_id]
        except KeyError:
            raise SecretUnreadable(f"no key {key_id!r} in the key ring") from None

    def wrap(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """Wrap a data key, bound to `context`. Raises SecretUnreadable for an unknown id."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.get(key_id)).encrypt(nonce, data_key, context)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key again. Raises SecretUnreadable."""
        nonce, ciphertext = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return AESGCM(self.get(key_id)).decrypt(nonce, ciphertext, context)
        except (InvalidTag, ValueError):
            raise SecretUnreadable("sealed elsewhere, or damaged") from None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a file that others on the machine cannot read. Raises KeyRingInvalid."""
        return cls.from_text(private_text(path))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a JSON document. Raises KeyRingInvalid."""
        try:
            document = json.loads(text, object_pairs_hook=no_duplicates)
        except ValueError as error:
            raise KeyRingInvalid(f"the key ring is not in its form ({type(error).__name__})") from None
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Check a document and take it over. Raises KeyRingInvalid."""
        try:
            if document["version"] != VERSION:
                raise KeyRingInvalid(f"the key ring's version is not {VERSION}")
            signing, promoted_at = document["signing"], document.get("promoted_at")
            ring = cls(
                primary_id=document["primary"],
                keys=_decoded_all(document["keys"]),
                signing_id=signing["id"],
                signing=_decoded(signing["id"], signing["seed"]),
                verifying=_decoded_all(document.get("verifying", {})),
                receiving=_by_kid(document["receiving"]),
                senders=_by_kid(document.get("senders", [])),
                promoted_at=datetime.fromisoformat(promoted_at) if promoted_at else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise KeyRingInvalid(f"the key ring is not in its form ({type(error).__name__})") from None
        if ring.primary_id not in ring.keys:
            raise KeyRingInvalid(f"the primary key {ring.primary_id!r} is not in the key ring")
        return ring


def _decoded_all(keys: Mapping[str, str]) -> dict[str, bytes]:
    return {key_id: _decoded(key_id, encoded) for key_id, encoded in keys.items()}


def _decoded(key_id: str, encoded: str) -> bytes:
    if not KEY_ID.fullmatch(key_id):
        raise KeyRingInvalid("a key id is letters, digits, dots, dashes, at most 64")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise KeyRingInvalid(f"key {key_id!r} is not base64") from None
    if len(key) != KEY_BYTES:
        raise KeyRingInvalid(f"key {key_id!r} has {len(key)} bytes, not {KEY_BYTES}")
    return key


def _by_kid(jwks: list[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    kids = [str(one["kid"]) for one in jwks]
    for kid in kids:
        if kids.count(kid) > 1:
            raise KeyRingInvalid(f"{kid!r} is in the key ring twice")
    return tuple(jwks)


def new_key_id(kind: str) -> str:
    """An id that says what the key is for and when it was made."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d}-{os.urandom(3).hex()}"


def encoded_key() -> str:
    """A fresh random key, as the document holds it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
