"""Statements of what was destroyed, in memory and unsigned."""

from domain.model.certificate import Certificate


class InMemoryCertificateStore:
    """See `domain.ports.CertificateStore`."""

    def __init__(self) -> None:
        self.issued: list[Certificate] = []

    def issue(self, certificate: Certificate) -> None:
        self.issued.append(certificate)
