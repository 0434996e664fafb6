"""Signed statements of what was destroyed, in PostgreSQL."""

from typing import Protocol

import msgspec
from sqlalchemy import Connection as Session
from sqlalchemy import insert

from adapters.postgres.tables import certificate as table
from domain.model.certificate import Certificate


class Signature(Protocol):
    """Signs with a key whose public half verifies it."""

    @property
    def key_id(self) -> str:
        """Which key signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """A signature over `message`."""
        ...


class Signer(Protocol):
    """Whoever signs at the time."""

    def current(self) -> Signature:
        """The key to sign with now."""
        ...


class PostgresCertificateStore:
    """See `domain.ports.CertificateStore`."""

    def __init__(self, session: Session, signer: Signer) -> None:
        self._session = session
        self._signer = signer

    def issue(self, certificate: Certificate) -> None:
        """Sign it and keep it for good."""
        document = msgspec.to_builtins(certificate, str_keys=True)
        key = self._signer.current()
        self._session.execute(
            insert(table).values(
                clinic_id=certificate.clinic_id,
                connection_id=certificate.connection_id,
                erased=certificate.erased,
                issued_at=certificate.at,
                document=document,
                signature=key.sign(canonical(document)),
                signing_key_id=key.key_id,
            )
        )


def canonical(document: object) -> bytes:
    """The bytes that are signed: JSON with sorted keys and no spaces."""
    return msgspec.json.encode(document, order="sorted")
