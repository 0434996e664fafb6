"""Ed25519 signatures over erasure certificates (RFC 8032)."""

from collections.abc import Callable
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.crypto.keyring import JsonKeyRing


class CertificateSigner:
    """Signs with one key; see `adapters.postgres.certificates.Signer`."""

    def __init__(self, key_id: str, seed: bytes) -> None:
        self._key_id = key_id
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def key_id(self) -> str:
        """Which key signs."""
        return self._key_id

    def current(self) -> Self:
        """The signer to use now: this one."""
        return self

    def sign(self, message: bytes) -> bytes:
        """A signature over `message`: 64 bytes."""
        return self._key.sign(message)

    def public_key(self) -> bytes:
        """The 32 bytes that let anybody verify."""
        return self._key.public_key().public_bytes_raw()


class LiveSigner:
    """Signs with whatever key the ring names at the time."""

    def __init__(self, ring: Callable[[], JsonKeyRing]) -> None:
        self._ring = ring

    def current(self) -> CertificateSigner:
        """The signer to use now."""
        ring = self._ring()
        return CertificateSigner(ring.signing_id, ring.signing)


def public_keys(ring: JsonKeyRing) -> dict[str, bytes]:
    """What verifies certificates, of the key that signs now and of those before it."""
    return {**ring.verifying, ring.signing_id: CertificateSigner(ring.signing_id, ring.signing).public_key()}


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` was made with the private half of `public_key`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
