"""
How token sets are sealed into rows, and where each ciphertext belongs.

Every version of a token set has a data key of its own. A ciphertext is bound to the place it is kept at, so
moving one to another row, column, tenant, generation, version or environment makes it unreadable.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from domain.errors import SecretUnreadable
from domain.model.tokens import Credential, HeldTokens, Secret

Place = Sequence[str]
"""Where a ciphertext belongs: table, tenant, connection, generation, row, version and column."""


class TokenCipher(Protocol):
    """Seals and opens under a data key that is itself sealed. Raises SecretUnreadable."""

    def new_key(self, place: Place) -> bytes:
        """A fresh data key, sealed for `place`."""
        ...

    def rewrap(self, data_key: bytes, place: Place) -> bytes:
        """The same data key, sealed with the key that is primary now."""
        ...

    @property
    def primary_id(self) -> str:
        """The id of the key-encryption key that seals from now on."""
        ...

    def key_id(self, data_key: bytes) -> str:
        """The id of a sealed data key."""
        ...

    def kek_id(self, data_key: bytes) -> str:
        """The id of the key-encryption key that a data key is sealed with."""
        ...

    def seal(self, data_key: bytes, key_place: Place, plaintext: bytes, place: Place) -> bytes:
        """Seal `plaintext` for `place`."""
        ...

    def open(self, data_key: bytes, key_place: Place, sealed: bytes, place: Place) -> bytes:
        """Open what was sealed for `place`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a row's ciphertexts are bound to."""

    tenant_id: str | None
    connection_id: int
    generation: int
    credential_id: int
    version: int

    @classmethod
    def of(cls, credential: Credential) -> Self:
        """The binding of a credential's row."""
        return cls(
            tenant_id=credential.tenant_id,
            connection_id=credential.connection_id,
            generation=credential.generation,
            credential_id=credential.id,
            version=credential.version,
        )

    def place(self, column: str) -> Place:
        """Where the ciphertext of that column belongs."""
        return (
            "credential",
            self.tenant_id or "",
            str(self.connection_id),
            str(self.generation),
            str(self.credential_id),
            str(self.version),
            column,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """The sealed columns of one row."""

    data_key: bytes
    sealed_tokens: bytes
    sealed_previous: bytes | None


def sealed(cipher: TokenCipher, binding: Binding, tokens: HeldTokens) -> SealedRow:
    """Seal a token set under a fresh data key."""
    data_key = cipher.new_key(binding.place("data_key"))

    def seal(plaintext: str, column: str) -> bytes:
        return cipher.seal(data_key, binding.place("data_key"), plaintext.encode(), binding.place(column))

    both = json.dumps([tokens.access_token.reveal(), tokens.refresh_token.reveal()])
    return SealedRow(
        data_key=data_key,
        sealed_tokens=seal(both, "sealed_tokens"),
        sealed_previous=seal(tokens.previous.reveal(), "sealed_previous") if tokens.previous else None,
    )


def opened(cipher: TokenCipher, binding: Binding, row: SealedRow) -> HeldTokens:
    """Open a row. Raises SecretUnreadable, always in the same words."""

    def open_(ciphertext: bytes, column: str) -> str:
        place = binding.place(column)
        return cipher.open(row.data_key, binding.place("data_key"), ciphertext, place).decode()

    try:
        access, refresh = json.loads(open_(row.sealed_tokens, "sealed_tokens"))
        previous = open_(row.sealed_previous, "sealed_previous") if row.sealed_previous else None
    except ValueError:
        raise SecretUnreadable("sealed by something else") from None
    return HeldTokens(
        access_token=Secret(access),
        refresh_token=Secret(refresh),
        previous=Secret(previous) if previous is not None else None,
    )
