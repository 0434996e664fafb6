import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.crypto.generation import KeyUse, new_document, new_receiving_key, public_half, with_new_key
from adapters.crypto.keyring import JsonKeyRing, KeyRingInvalid, new_key_id, write_document
from domain.errors import SecretUnreadable

Change = Callable[[dict[str, Any]], object]


def text_of(change: Change = lambda _: None) -> str:
    document = new_document()
    change(document)
    return json.dumps(document)


def with_key(key_id: str, value: object) -> Change:
    return lambda document: document["keys"].update({key_id: value})


SHORT = base64.b64encode(b"sixteen bytes ..").decode()

INVALID: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "not in its form"),
    "a list": ("[]", "not in its form"),
    "empty": ("", "not in its form"),
    "another version": (text_of(lambda it: it.update(version=2)), "version is not 1"),
    "no version": (text_of(lambda it: it.pop("version")), "not in its form"),
    "no keys": (text_of(lambda it: it.pop("keys")), "not in its form"),
    "keys as a list": (text_of(lambda it: it.update(keys=[])), "not in its form"),
    "no signing key": (text_of(lambda it: it.pop("signing")), "not in its form"),
    "no receiving keys": (text_of(lambda it: it.pop("receiving")), "not in its form"),
    "a primary that is not there": (text_of(lambda it: it.update(primary="kek-9")), "'kek-9' is not in"),
    "a short key": (text_of(with_key("kek-2", SHORT)), "key 'kek-2' has 16 bytes, not 32"),
    "a key that is no base64": (text_of(with_key("kek-2", "%%%%")), "key 'kek-2' is not base64"),
    "a key that is a number": (text_of(with_key("kek-2", 7)), "not in its form"),
    "a key id with a space": (text_of(with_key("kek 2", SHORT)), "letters, digits"),
    "a key id that is too long": (text_of(with_key("k" * 65, SHORT)), "letters, digits"),
    "a short signing key": (
        text_of(lambda it: it["signing"].update(id="sign-2", seed=SHORT)),
        "key 'sign-2' has 16 bytes",
    ),
}


@pytest.mark.parametrize(("text", "expected"), INVALID.values(), ids=INVALID)
def test_what_is_wrong_with_a_key_ring_is_said_without_its_keys(text: str, expected: str) -> None:
    with pytest.raises(KeyRingInvalid, match=expected) as caught:
        JsonKeyRing.from_text(text)
    assert SHORT not in str(caught.value)
    assert "%%%%" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "primary": "a", "primary": "b"}',
        '{"version": 1, "primary": "a", "keys": {"a": "one", "a": "two"}}',
    ],
)
def test_a_name_that_occurs_twice_is_refused(text: str) -> None:
    with pytest.raises(KeyRingInvalid, match="is in the key ring twice"):
        JsonKeyRing.from_text(text)


def test_a_key_ring_seals_with_its_primary_and_opens_with_all() -> None:
    document = new_document()
    document["keys"]["kek-old"] = base64.b64encode(b"o" * 32).decode()
    keys = JsonKeyRing.from_text(json.dumps(document))
    assert keys.primary() == (document["primary"], base64.b64decode(document["keys"][document["primary"]]))
    assert keys.get("kek-old") == b"o" * 32
    with pytest.raises(SecretUnreadable, match="no key 'kek-9'"):
        keys.get("kek-9")


def test_a_key_ring_shows_ids_only() -> None:
    document, signing_id = with_new_key(new_document(), KeyUse.SIGNING)
    document["senders"] = [public_half(new_receiving_key())]
    keys = JsonKeyRing.from_text(json.dumps(document))
    shown = f"{keys!r} {keys}"
    assert document["primary"] in shown
    assert signing_id in shown
    assert str(keys.signing) not in shown
    assert all(str(key) not in shown for key in (*keys.keys.values(), *keys.verifying.values()))
    assert document["receiving"][0]["d"] not in shown
    assert document["senders"][0]["x"] not in shown


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_document(path, new_document())
    return path


def test_a_written_key_ring_can_be_read_by_its_owner_alone(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert JsonKeyRing.from_file(file).primary()
    assert [one.name for one in file.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666, 0o777])
def test_a_file_that_everybody_can_read_or_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(KeyRingInvalid, match="is open to everyone; run: chmod 600"):
        JsonKeyRing.from_file(file)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_file_that_a_group_shares_is_taken(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert JsonKeyRing.from_file(file).primary()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid, match=r"cannot read the key ring .*keys\.json: No such file"):
        JsonKeyRing.from_file(tmp_path / "keys.json")


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyRingInvalid):
        JsonKeyRing.from_file(file)


def test_a_key_ring_is_not_overwritten_by_accident(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(FileExistsError):
        write_document(file, new_document())
    assert file.read_text() == before
    write_document(file, new_document(), replace=True)
    assert file.read_text() != before


def test_new_keys_have_new_ids_that_say_what_they_are_for() -> None:
    assert len({new_key_id("kek") for _ in range(20)}) == 20
    assert new_key_id("kek").startswith("kek-20")


def test_the_public_half_of_a_receiving_key_is_no_secret() -> None:
    private = new_receiving_key()
    public = public_half(private)
    assert public.keys() == private.keys() - {"d"}
    assert public["kid"] == private["kid"]


def test_every_part_of_a_document_is_taken_over() -> None:
    older, sender = base64.b64encode(bytes(range(32))).decode(), public_half(new_receiving_key())
    document = {
        **new_document(),
        "verifying": {"sign-1": older},
        "senders": [sender],
        "promoted_at": "2026-11-20T03:00:00+00:00",
    }
    found = JsonKeyRing.from_document(document)
    assert found.verifying == {"sign-1": bytes(range(32))}
    assert found.senders == (sender,)
    assert found.receiving == tuple(document["receiving"])
    assert found.promoted_at == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert found.signing_id == document["signing"]["id"]
    assert JsonKeyRing.from_document(new_document()).promoted_at is None


@pytest.mark.parametrize("part", ["receiving", "senders"])
def test_a_key_that_is_named_twice_is_refused(part: str) -> None:
    jwk = new_receiving_key()
    with pytest.raises(KeyRingInvalid, match="is in the key ring twice"):
        JsonKeyRing.from_document({**new_document(), part: [jwk, new_receiving_key(), jwk]})


def test_a_ring_that_is_replaced_keeps_its_mode_and_is_written_for_people(file: Path) -> None:
    file.chmod(0o640)
    write_document(file, new_document(), replace=True)
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.read_text().startswith('{\n  "version": 1,\n')
    assert file.read_text().endswith("}\n")
