"""The changes of a key ring's life, each on a document; `tests/keys` makes them by the command line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.crypto.generation import (
    Document,
    KeyRefused,
    KeyUse,
    new_document,
    new_receiving_key,
    public_half,
    with_new_key,
    with_primary,
    without_key,
)
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import public_keys


def receiving(document: Document) -> list[str]:
    return [one["kid"] for one in document["receiving"]]


def promoted(ago: timedelta | None = None) -> tuple[Document, str]:
    """A ring whose primary key is its second, and the first one's id."""
    document = new_document()
    more, key_id = with_new_key(document, KeyUse.SEALING)
    changed = with_primary(more, key_id)
    if ago is not None:
        changed["promoted_at"] = (datetime.now(UTC) - ago).isoformat()
    return changed, document["primary"]


def refused(document: Document, key_id: str, in_use: dict[str, int] | None = None) -> str:
    with pytest.raises(KeyRefused) as caught:
        without_key(document, key_id, in_use or {})
    return str(caught.value)


def test_a_new_sealing_key_opens_and_does_not_seal() -> None:
    document = new_document()
    changed, key_id = with_new_key(document, KeyUse.SEALING)
    assert set(changed["keys"]) == {document["primary"], key_id}
    assert changed["primary"] == document["primary"]


def test_a_new_receiving_key_comes_first() -> None:
    document = new_document()
    changed, key_id = with_new_key(document, KeyUse.RECEIVING)
    assert receiving(changed) == [key_id, *receiving(document)]


def test_a_new_signing_key_leaves_the_public_half_of_the_one_before() -> None:
    document = new_document()
    before = public_keys(JsonKeyRing.from_document(document))
    changed, key_id = with_new_key(document, KeyUse.SIGNING)
    after = public_keys(JsonKeyRing.from_document(changed))
    assert changed["signing"]["id"] == key_id
    assert set(after) == {*before, key_id}
    assert before.items() <= after.items()
    assert document["signing"]["seed"] not in str(changed)


def test_only_another_sealing_key_of_the_ring_becomes_the_primary_one() -> None:
    document = new_document()
    with pytest.raises(KeyRefused, match="'kek-9' is no sealing key"):
        with_primary(document, "kek-9")
    with pytest.raises(KeyRefused, match="primary key already"):
        with_primary(document, document["primary"])


@pytest.mark.parametrize("in_use", [{}, {"kek-9": 3}])
def test_a_sealing_key_that_nothing_needs_goes(in_use: dict[str, int]) -> None:
    document, old = promoted(timedelta(days=1))
    assert set(without_key(document, old, in_use)["keys"]) == {document["primary"]}


def test_a_sealing_key_whose_promotion_nobody_noted_goes_too() -> None:
    document, key_id = with_new_key(new_document(), KeyUse.SEALING)
    assert set(without_key(document, key_id, {})["keys"]) == {document["primary"]}


def test_a_key_that_something_needs_stays() -> None:
    document, old = promoted(timedelta(days=1))
    assert "promote another first" in refused(document, document["primary"])
    assert "seals 1,234 token sets" in refused(document, old, {old: 1_234})
    assert "'kek-9' is no sealing or receiving key" in refused(document, "kek-9")


def test_a_key_stays_for_ten_minutes_after_another_was_promoted() -> None:
    document, old = promoted()
    assert "wait 10 minutes" in refused(document, old)
    document, old = promoted(timedelta(minutes=9, seconds=50))
    assert "wait 10 minutes" in refused(document, old)
    document, old = promoted(timedelta(minutes=10))
    assert old not in without_key(document, old, {})["keys"]


def test_a_receiving_key_goes_unless_it_is_the_only_one() -> None:
    document = new_document()
    [old] = receiving(document)
    assert "the only receiving key" in refused(document, old)
    changed, key_id = with_new_key(document, KeyUse.RECEIVING)
    assert receiving(without_key(changed, old, {})) == [key_id]


def test_the_public_half_of_a_receiving_key_opens_nothing() -> None:
    private: dict[str, Any] = new_receiving_key()
    public = public_half(private)
    assert "d" in private
    assert public == {name: value for name, value in private.items() if name != "d"}
