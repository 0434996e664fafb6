"""
Envelope encryption: a data key for each version of a token set, sealed by a key-encryption key from the ring.

Layout, both layers: magic, kind, format, suite, key ids, nonce, ciphertext with tag. Everything before the
nonce, the environment and the place are authenticated with it (AES-256-GCM, NIST SP 800-38D), so a ciphertext
cannot be moved to another row, column, tenant, generation or environment. Keys are looked up by the id in the
header, never tried one after the other.
"""

import os
from collections.abc import Sequence
from enum import Enum
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.crypto.keyring import KEY_BYTES, NONCE_BYTES, KeyRing
from domain.errors import SecretUnreadable

MAGIC = b"AX"
FORMAT = 1
SUITE_AES_256_GCM = 1
MAX_BYTES = 64 * 1024
"""No token set comes near this; what is longer is not ours."""


class Kind(Enum):
    """Which layer an envelope belongs to."""

    DATA_KEY = b"K"
    VALUE = b"V"


KEYS_NAMED = {Kind.DATA_KEY: 2, Kind.VALUE: 1}
"""A sealed data key names its key-encryption key and itself; a sealed value names its data key."""


def header(kind: Kind, *key_ids: str) -> bytes:
    """What an envelope starts with; the ids name the keys involved, each with its length."""
    ids = b"".join(bytes([len(one)]) + one for one in (key_id.encode("ascii") for key_id in key_ids))
    return MAGIC + kind.value + bytes([FORMAT, SUITE_AES_256_GCM, len(key_ids)]) + ids


def parse(kind: Kind, sealed: bytes) -> tuple[bytes, list[str], bytes]:
    """Header, key ids, and nonce with ciphertext. Raises SecretUnreadable before any key is used."""
    known = MAGIC + kind.value + bytes([FORMAT, SUITE_AES_256_GCM])
    if len(sealed) > MAX_BYTES or not sealed.startswith(known):
        raise SecretUnreadable("not an envelope of a known kind, format and suite")
    if sealed[len(known) : len(known) + 1] != bytes([KEYS_NAMED[kind]]):
        raise SecretUnreadable("the envelope names the wrong number of keys")
    ids = []
    position = len(known) + 1
    try:
        for _ in range(KEYS_NAMED[kind]):
            end = position + 1 + sealed[position]
            ids.append(sealed[position + 1 : end].decode("ascii"))
            position = end
    except (IndexError, UnicodeDecodeError):
        raise SecretUnreadable("the envelope's header is damaged") from None
    if len(sealed) < position + NONCE_BYTES:
        raise SecretUnreadable("the envelope is cut short")
    return sealed[:position], ids, sealed[position:]


def bound(head: bytes, environment: str, place: Sequence[str]) -> bytes:
    """What is authenticated beside the ciphertext; every part with its length, so none can slide (T9)."""
    parts = [head, environment.encode(), *(one.encode() for one in place)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class EnvelopeCipher:
    """Seals and opens for one environment; see `adapters.postgres.sealing.TokenCipher`."""

    def __init__(self, keys: KeyRing, environment: str) -> None:
        self._keys = keys
        self._environment = environment

    @property
    def primary_id(self) -> str:
        """The id of the key-encryption key that seals from now on."""
        return self._keys.primary_id

    def new_key(self, place: Sequence[str]) -> bytes:
        """A fresh data key, sealed for `place` with the primary key."""
        return self._wrap(os.urandom(KEY_BYTES), str(uuid4()), place)

    def rewrap(self, data_key: bytes, place: Sequence[str]) -> bytes:
        """The same data key, sealed with the primary key. Raises SecretUnreadable."""
        return self._wrap(self._unwrap(data_key, place), self.key_id(data_key), place)

    def key_id(self, data_key: bytes) -> str:
        """The id of a sealed data key."""
        return parse(Kind.DATA_KEY, data_key)[1][1]

    def kek_id(self, data_key: bytes) -> str:
        """The id of the key-encryption key that a data key is sealed with."""
        return parse(Kind.DATA_KEY, data_key)[1][0]

    def seal(
        self, data_key: bytes, key_place: Sequence[str], plaintext: bytes, place: Sequence[str]
    ) -> bytes:
        """Seal `plaintext` for `place`. Raises SecretUnreadable if the data key cannot be opened."""
        key = self._unwrap(data_key, key_place)
        head = header(Kind.VALUE, self.key_id(data_key))
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + AESGCM(key).encrypt(nonce, plaintext, bound(head, self._environment, place))

    def open(self, data_key: bytes, key_place: Sequence[str], sealed: bytes, place: Sequence[str]) -> bytes:
        """Open what was sealed for `place`. Raises SecretUnreadable."""
        head, ids, body = parse(Kind.VALUE, sealed)
        if ids != [self.key_id(data_key)]:
            raise SecretUnreadable("sealed with another data key")
        key = self._unwrap(data_key, key_place)
        context = bound(head, self._environment, place)
        try:
            return AESGCM(key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SecretUnreadable("sealed elsewhere, or damaged") from None

    def _wrap(self, key: bytes, key_id: str, place: Sequence[str]) -> bytes:
        kek_id = self._keys.primary_id
        head = header(Kind.DATA_KEY, kek_id, key_id)
        return head + self._keys.wrap(kek_id, key, bound(head, self._environment, place))

    def _unwrap(self, data_key: bytes, place: Sequence[str]) -> bytes:
        head, ids, body = parse(Kind.DATA_KEY, data_key)
        return self._keys.unwrap(ids[0], body, bound(head, self._environment, place))
