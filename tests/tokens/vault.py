"""Token sets in memory, sealed as in PostgreSQL, under keys that a test rotates."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import KeyUse, new_document, with_new_key, with_primary, without_key
from adapters.crypto.keyring import JsonKeyRing
from adapters.postgres.sealing import Binding, SealedRow, opened, sealed
from domain.errors import SecretUnreadable
from domain.model.ids import CredentialId
from domain.model.tokens import HeldTokens

DOCUMENT = new_document()
"""What every vault begins with: making keys takes longer than a whole example."""


class Keys:
    """A key ring that rotates, and the cipher over it for one environment."""

    def __init__(self) -> None:
        self.document = DOCUMENT

    def cipher(self, environment: str = "test") -> EnvelopeCipher:
        return EnvelopeCipher(JsonKeyRing.from_document(self.document), environment)

    def add(self) -> None:
        self.document, key_id = with_new_key(self.document, KeyUse.SEALING)
        self.document = with_primary(self.document, key_id)

    def retire(self, *, used: set[str]) -> None:
        for key_id in self.document["keys"].keys() - used - {self.document["primary"]}:
            settled = {**self.document, "promoted_at": None}
            self.document = without_key(settled, key_id, in_use={})


class Vault(dict[CredentialId, Any]):
    """Takes and gives token sets, and holds ciphertext bound to row and version."""

    def __init__(
        self, held: dict[CredentialId, Any], keys: Keys, version_of: Callable[[CredentialId], int]
    ) -> None:
        super().__init__(held)
        self._keys = keys
        self._version_of = version_of

    def __copy__(self) -> Self:
        return type(self)(self, self._keys, self._version_of)

    def __setitem__(self, credential_id: CredentialId, tokens: HeldTokens) -> None:
        row = sealed(self._keys.cipher(), self._binding(credential_id), tokens)
        super().__setitem__(credential_id, row)

    def __getitem__(self, credential_id: CredentialId) -> HeldTokens:
        return opened(self._keys.cipher(), self._binding(credential_id), super().__getitem__(credential_id))

    def opens_elsewhere(self, credential_id: CredentialId) -> bool:
        """Whether another environment could open it, with the very same keys."""
        cipher = self._keys.cipher("another")
        try:
            opened(cipher, self._binding(credential_id), super().__getitem__(credential_id))
        except SecretUnreadable:
            return False
        return True

    def rewrap(self) -> None:
        """Seal every data key with the primary key, and drop the keys that nothing needs any more."""
        cipher = self._keys.cipher()
        for credential_id in self:
            row, place = self.row(credential_id), self._binding(credential_id).place("data_key")
            super().__setitem__(credential_id, replace(row, data_key=cipher.rewrap(row.data_key, place)))
        self._keys.retire(used={cipher.kek_id(self.row(one).data_key) for one in self})

    def row(self, credential_id: CredentialId) -> SealedRow:
        """What is really held."""
        found: SealedRow = super().__getitem__(credential_id)
        return found

    def _binding(self, credential_id: CredentialId) -> Binding:
        return Binding(
            tenant_id=None,
            connection_id=0,
            generation=0,
            credential_id=credential_id,
            version=self._version_of(credential_id),
        )
