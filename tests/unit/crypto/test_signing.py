import os

from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto.generation import KeyUse, new_document, with_new_key
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner, LiveSigner, is_signed, public_keys

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


def test_a_ring_signs_with_its_newest_key_and_verifies_what_those_before_have_signed() -> None:
    first = new_document()
    second, key_id = with_new_key(first, KeyUse.SIGNING)
    documents = [first]
    live = LiveSigner(lambda: JsonKeyRing.from_document(documents[-1]))
    before = live.current()
    documents.append(second)
    after = live.current()
    assert (before.key_id, after.key_id) == (first["signing"]["id"], key_id)
    known = public_keys(JsonKeyRing.from_document(second))
    for signer, other in ((before, after), (after, before)):
        assert is_signed(known[signer.key_id], b"message", signer.sign(b"message"))
        assert not is_signed(known[other.key_id], b"message", signer.sign(b"message"))


def test_a_signer_of_one_key_goes_on_with_that() -> None:
    assert SIGNER.current().key_id == "sign-1"
    assert is_signed(SIGNER.public_key(), b"message", SIGNER.current().sign(b"message"))
