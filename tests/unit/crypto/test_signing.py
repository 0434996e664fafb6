import os

from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto.signing import CertificateSigner, is_signed

SIGNER = CertificateSigner("sign-1", os.urandom(32))


@given(st.binary(max_size=200))
def test_a_signature_verifies_for_its_message_and_no_other(message: bytes) -> None:
    signature = SIGNER.sign(message)
    assert is_signed(SIGNER.public_key(), message, signature)
    assert not is_signed(SIGNER.public_key(), message + b".", signature)


def test_a_signature_of_another_key_does_not_verify() -> None:
    other = CertificateSigner("sign-2", os.urandom(32))
    assert not is_signed(other.public_key(), b"message", SIGNER.sign(b"message"))


def test_noise_is_no_signature_and_no_key() -> None:
    assert not is_signed(SIGNER.public_key(), b"message", b"noise")
    assert not is_signed(b"noise", b"message", SIGNER.sign(b"message"))
