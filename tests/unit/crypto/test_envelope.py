import base64
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto import envelope
from adapters.crypto.envelope import EnvelopeCipher, Kind
from adapters.crypto.keyring import JsonKeyRing
from domain.errors import SecretUnreadable

KEY_PLACE = ("credential", "tenant-1", "17", "3", "42", "data_key")
PLACE = ("credential", "tenant-1", "17", "3", "42", "sealed_tokens", "0")
PLAIN = b'["an access token", "a refresh token"]'


def ring(*names: str, primary: str | None = None) -> JsonKeyRing:
    keys = {name: os.urandom(32) for name in names}
    return JsonKeyRing(
        primary_id=primary or names[0], keys=keys, signing_id="sign", signing=os.urandom(32), receiving=()
    )


KEYS = ring("kek-1", "kek-2")
CIPHER = EnvelopeCipher(KEYS, "test")
DATA_KEY = CIPHER.new_key(KEY_PLACE)
SEALED = CIPHER.seal(DATA_KEY, KEY_PLACE, PLAIN, PLACE)


def opened(sealed: bytes = SEALED, data_key: bytes = DATA_KEY, cipher: EnvelopeCipher = CIPHER) -> bytes:
    return cipher.open(data_key, KEY_PLACE, sealed, PLACE)


def flipped(sealed: bytes, bit: int) -> bytes:
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_what_was_sealed_opens_in_its_place() -> None:
    assert opened() == PLAIN


@given(st.binary(max_size=4_096))
def test_anything_can_be_sealed(plain: bytes) -> None:
    assert CIPHER.open(DATA_KEY, KEY_PLACE, CIPHER.seal(DATA_KEY, KEY_PLACE, plain, PLACE), PLACE) == plain


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert len({CIPHER.seal(DATA_KEY, KEY_PLACE, PLAIN, PLACE) for _ in range(100)}) == 100


def test_the_plain_text_does_not_show() -> None:
    assert b"token" not in SEALED


def test_every_flipped_bit_of_a_sealed_value_is_rejected() -> None:
    for bit in range(len(SEALED) * 8):
        with pytest.raises(SecretUnreadable):
            opened(flipped(SEALED, bit))


def test_every_flipped_bit_of_a_sealed_key_is_rejected() -> None:
    for bit in range(len(DATA_KEY) * 8):
        with pytest.raises(SecretUnreadable):
            opened(data_key=flipped(DATA_KEY, bit))


def test_a_truncated_value_is_rejected() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(SecretUnreadable):
            opened(SEALED[:length])


def test_a_truncated_key_is_rejected() -> None:
    for length in range(len(DATA_KEY)):
        with pytest.raises(SecretUnreadable):
            opened(data_key=DATA_KEY[:length])


@given(st.binary(max_size=300))
def test_noise_is_rejected(noise: bytes) -> None:
    for attempt in (noise, envelope.MAGIC + noise, SEALED[:5] + noise, SEALED + noise + b"."):
        with pytest.raises(SecretUnreadable):
            opened(attempt)
        with pytest.raises(SecretUnreadable):
            opened(data_key=attempt)


def test_what_is_too_long_to_be_ours_is_rejected() -> None:
    with pytest.raises(SecretUnreadable, match="not an envelope"):
        opened(SEALED + bytes(envelope.MAX_BYTES))


def test_a_value_is_no_key_and_a_key_no_value() -> None:
    with pytest.raises(SecretUnreadable, match="not an envelope"):
        opened(DATA_KEY)
    with pytest.raises(SecretUnreadable, match="not an envelope"):
        opened(data_key=SEALED)


@pytest.mark.parametrize("number", range(len(PLACE)))
def test_a_value_opens_in_no_other_place(number: int) -> None:
    elsewhere = [*PLACE[:number], "other", *PLACE[number + 1 :]]
    with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
        CIPHER.open(DATA_KEY, KEY_PLACE, SEALED, elsewhere)


@pytest.mark.parametrize("number", range(len(KEY_PLACE)))
def test_a_key_opens_in_no_other_place(number: int) -> None:
    elsewhere = [*KEY_PLACE[:number], "other", *KEY_PLACE[number + 1 :]]
    with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
        CIPHER.open(DATA_KEY, elsewhere, SEALED, PLACE)


@pytest.mark.parametrize(("one", "other"), list(pairwise(range(len(PLACE)))))
def test_the_parts_of_a_place_cannot_slide_into_each_other(one: int, other: int) -> None:
    slid = list(PLACE)
    slid[one], slid[other] = slid[one] + slid[other][:1], slid[other][1:]
    with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
        CIPHER.open(DATA_KEY, KEY_PLACE, SEALED, slid)


def test_a_place_with_a_part_more_or_less_is_another() -> None:
    for elsewhere in ((*PLACE, ""), PLACE[:-1], ("", *PLACE)):
        with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
            CIPHER.open(DATA_KEY, KEY_PLACE, SEALED, elsewhere)


def test_another_environment_with_the_same_keys_opens_nothing() -> None:
    with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
        opened(cipher=EnvelopeCipher(KEYS, "production"))


def test_another_key_ring_opens_nothing_and_names_the_key_that_is_missing() -> None:
    with pytest.raises(SecretUnreadable, match="no key 'kek-1' in the key ring"):
        opened(cipher=EnvelopeCipher(ring("kek-9"), "test"))
    with pytest.raises(SecretUnreadable, match="sealed elsewhere"):
        opened(cipher=EnvelopeCipher(ring("kek-1"), "test"))


def test_a_value_opens_under_its_own_data_key_only() -> None:
    with pytest.raises(SecretUnreadable, match="another data key"):
        opened(data_key=CIPHER.new_key(KEY_PLACE))


def test_keys_are_known_by_their_ids_without_being_opened() -> None:
    stranger = EnvelopeCipher(ring("kek-9"), "elsewhere")
    assert stranger.kek_id(DATA_KEY) == "kek-1"
    assert stranger.key_id(DATA_KEY) == CIPHER.key_id(DATA_KEY)
    assert CIPHER.key_id(CIPHER.new_key(KEY_PLACE)) != CIPHER.key_id(DATA_KEY)


def test_a_rewrapped_key_is_the_same_key_under_the_new_primary() -> None:
    after = JsonKeyRing(
        primary_id="kek-2", keys=KEYS.keys, signing_id="sign", signing=KEYS.signing, receiving=()
    )
    rewrapped = EnvelopeCipher(after, "test").rewrap(DATA_KEY, KEY_PLACE)
    assert CIPHER.kek_id(rewrapped) == "kek-2"
    assert CIPHER.key_id(rewrapped) == CIPHER.key_id(DATA_KEY)
    assert opened(data_key=rewrapped) == PLAIN


def test_a_key_that_cannot_be_opened_is_not_rewrapped() -> None:
    with pytest.raises(SecretUnreadable):
        CIPHER.rewrap(DATA_KEY, (*KEY_PLACE, "elsewhere"))


@pytest.mark.parametrize("suite", [0, 2, 255])
def test_an_unknown_format_or_suite_is_rejected_before_any_key_is_used(suite: int) -> None:
    nobody = EnvelopeCipher(ring("kek-9"), "test")
    for position in (3, 4):
        changed = bytearray(DATA_KEY)
        changed[position] = suite
        with pytest.raises(SecretUnreadable, match="known kind, format and suite"):
            nobody.rewrap(bytes(changed), KEY_PLACE)


def test_errors_hold_neither_keys_nor_texts() -> None:
    with pytest.raises(SecretUnreadable) as caught:
        opened(flipped(SEALED, len(SEALED) * 8 - 1))
    error = caught.value
    assert "token" not in str(error)
    assert base64.b64encode(KEYS.keys["kek-1"]).decode() not in str(error)
    assert error.__cause__ is None


def test_a_header_names_as_many_keys_as_its_kind_has() -> None:
    for kind, ids in ((Kind.VALUE, ("a", "b")), (Kind.DATA_KEY, ("a",))):
        forged = envelope.header(kind, *ids) + bytes(28)
        with pytest.raises(SecretUnreadable, match="wrong number of keys"):
            envelope.parse(kind, forged)


GOLDEN = {
    "key": (
        "QVhLAQECCmtlay1nb2xkZW4kYzk4ODRlYTYtOWM1Yy00MmRkLTgxZjItZTFmZDAzODExNWJlpDCvA4W+u5gGDr1M35kBCMw9"
        "5QlT0QZeTD4JK3bmcPBLLozzxcFxZTFvAVVL9Cf6HcbXPmN577ApFU40"
    ),
    "value": (
        "QVhWAQEBJGM5ODg0ZWE2LTljNWMtNDJkZC04MWYyLWUxZmQwMzgxMTViZXYBV8JIfKazx2eWM8BU18OkCyQdaHQAX2VANjHv"
        "4Lv60hteYE2p3OEj"
    ),
}


def test_what_an_earlier_release_has_sealed_still_opens() -> None:
    """Whoever changes the format adds another one; rows in the first are there for years."""
    keys = JsonKeyRing(
        primary_id="kek-golden", keys={"kek-golden": bytes(range(32))}, signing_id="sign", signing=bytes(32)
    )
    place = ("credential", "tenant-1", "17", "3", "42", "0")
    data_key, value = (base64.b64decode(GOLDEN[one]) for one in ("key", "value"))
    cipher = EnvelopeCipher(keys, "golden")
    opened = cipher.open(data_key, (*place, "data_key"), value, (*place, "sealed_tokens"))
    assert opened == b"an old secret"
    assert cipher.primary_id == cipher.kek_id(data_key) == "kek-golden"


def test_an_envelope_of_just_the_allowed_size_is_read_and_a_larger_one_is_not() -> None:
    fits = SEALED + bytes(envelope.MAX_BYTES - len(SEALED))
    with pytest.raises(SecretUnreadable, match="damaged"):
        opened(fits)
    with pytest.raises(SecretUnreadable, match="known kind"):
        opened(fits + b"0")
    assert envelope.MAX_BYTES == 65_536


def test_an_envelope_without_a_whole_nonce_is_cut_short() -> None:
    head, _, body = envelope.parse(Kind.VALUE, SEALED)
    assert envelope.parse(Kind.VALUE, head + body[:12])[2] == body[:12]
    with pytest.raises(SecretUnreadable, match="cut short"):
        envelope.parse(Kind.VALUE, head + body[:11])


class Hsm:
    """Somebody who wraps keys and never gives theirs away, as a key management service does."""

    primary_id = "remote-1"

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[str, bytes, bytes]] = {}

    def wrap(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        ticket = os.urandom(32)
        self._kept[ticket] = (key_id, data_key, context)
        return ticket

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        kept_id, data_key, kept_context = self._kept.get(wrapped, ("", b"", b""))
        if (kept_id, kept_context) != (key_id, context):
            raise SecretUnreadable("not wrapped here")
        return data_key


def test_keys_may_be_somebody_elses_who_never_gives_them_away() -> None:
    cipher = EnvelopeCipher(Hsm(), "test")
    data_key = cipher.new_key(KEY_PLACE)
    sealed = cipher.seal(data_key, KEY_PLACE, PLAIN, PLACE)
    assert cipher.open(data_key, KEY_PLACE, sealed, PLACE) == PLAIN
    assert cipher.kek_id(cipher.rewrap(data_key, KEY_PLACE)) == "remote-1"
    with pytest.raises(SecretUnreadable):
        cipher.open(data_key, (*KEY_PLACE, "elsewhere"), sealed, PLACE)
    with pytest.raises(SecretUnreadable):
        EnvelopeCipher(Hsm(), "test").open(data_key, KEY_PLACE, sealed, PLACE)
