"""Every ciphertext in every place that is not its own: all pairs of rows, columns and environments."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing
from adapters.postgres.sealing import Binding, SealedRow, opened, sealed
from builders import make_credential, make_held
from domain.errors import SecretUnreadable
from domain.model.tokens import HeldTokens, Secret

RING = JsonKeyRing.from_document(new_document())
MINE = Binding(tenant_id="tenant-1", connection_id=1, generation=1, credential_id=1, version=1)
BINDINGS = {
    "mine": MINE,
    "another tenant": replace(MINE, tenant_id="tenant-2"),
    "no tenant": replace(MINE, tenant_id=None),
    "another connection": replace(MINE, connection_id=2),
    "another generation": replace(MINE, generation=2),
    "another row": replace(MINE, credential_id=2),
    "another version": replace(MINE, version=2),
}
ROWS = {(name, "test"): binding for name, binding in BINDINGS.items()} | {("mine", "production"): MINE}
COLUMNS = ("data_key", "sealed_tokens", "sealed_previous")


def cipher(environment: str) -> EnvelopeCipher:
    return EnvelopeCipher(RING, environment)


def held() -> HeldTokens:
    return replace(make_held("1"), previous=Secret("previous"))


SEALED = {row: sealed(cipher(row[1]), binding, held()) for row, binding in ROWS.items()}


@pytest.mark.parametrize("row", ROWS, ids=" in ".join)
def test_a_row_opens_in_its_own_place(row: tuple[str, str]) -> None:
    assert opened(cipher(row[1]), ROWS[row], SEALED[row]) == held()


def test_no_ciphertext_opens_in_the_place_of_another() -> None:
    places = [(row, column) for row in ROWS for column in COLUMNS]
    swapped = 0
    for (row, column), (other, others_column) in permutations(places, 2):
        ciphertext: Any = getattr(SEALED[other], others_column)
        forged = replace(SEALED[row], **{column: ciphertext})
        with pytest.raises(SecretUnreadable):
            opened(cipher(row[1]), ROWS[row], forged)
        swapped += 1
    assert swapped == 24 * 23


def test_no_row_opens_in_the_place_of_another() -> None:
    for row, other in permutations(ROWS, 2):
        with pytest.raises(SecretUnreadable):
            opened(cipher(row[1]), ROWS[row], SEALED[other])


@pytest.mark.parametrize(
    "change", [{"id": 2}, {"connection_id": 2}, {"generation": 2}, {"tenant_id": "tenant-2"}, {"version": 2}]
)
def test_a_row_opens_for_the_credential_it_was_sealed_for_and_for_no_other(change: dict[str, Any]) -> None:
    row = sealed(cipher("test"), Binding.of(make_credential()), held())
    assert opened(cipher("test"), Binding.of(make_credential()), row) == held()
    with pytest.raises(SecretUnreadable):
        opened(cipher("test"), Binding.of(make_credential(**change)), row)


@pytest.mark.parametrize("text", [b"", b"no JSON", b'["one"]', b"\xff"])
def test_what_was_sealed_in_its_place_but_is_no_token_set_is_unreadable(text: bytes) -> None:
    bound, key_place = cipher("test"), MINE.place("data_key")
    data_key = bound.new_key(key_place)
    tokens = bound.seal(data_key, key_place, text, MINE.place("sealed_tokens"))
    with pytest.raises(SecretUnreadable) as caught:
        opened(bound, MINE, SealedRow(data_key=data_key, sealed_tokens=tokens, sealed_previous=None))
    assert caught.value.__suppress_context__, "what was opened is in the error beneath"


def test_no_two_of_many_nonces_are_the_same() -> None:
    bound = cipher("test")
    data_key = bound.new_key(MINE.place("data_key"))
    place, key_place = MINE.place("sealed_tokens"), MINE.place("data_key")
    head = len(bound.seal(data_key, key_place, b"", place)) - 12 - 16
    nonces = {bound.seal(data_key, key_place, b"", place)[head : head + 12] for _ in range(20_000)}
    assert len(nonces) == 20_000
