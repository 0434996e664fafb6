import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.crypto.documents import KeyRingInvalid, change_document, write_document
from adapters.crypto.generation import KeyUse, new_document, with_new_key, with_primary
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.sources import DirectorySource, FileSource, LiveKeyRing, TextSource
from domain.errors import SecretUnreadable

CONTEXT = b"context"


def put(path: Path, document: Mapping[str, Any]) -> Path:
    write_document(path, document, replace=path.exists())
    return path


def parts(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A ring in parts, as a directory of mounted secrets has it."""
    kept = {name: document[name] for name in ("version", "primary", "keys")}
    return {"sealing.json": kept, "rest.json": {name: document[name] for name in ("signing", "receiving")}}


@pytest.fixture
def document() -> dict[str, Any]:
    return new_document()


@pytest.fixture
def folder(tmp_path: Path, document: dict[str, Any]) -> Path:
    for name, part in parts(document).items():
        put(tmp_path / name, part)
    (tmp_path / "README").write_text("not a part")
    return tmp_path


def test_the_same_ring_comes_from_a_text_a_file_and_a_directory(
    folder: Path, document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = put(tmp_path_factory.mktemp("ring") / "keyring.json", document)
    rings = [
        TextSource(json.dumps(document)).read(),
        FileSource(file).read(),
        DirectorySource(folder).read(),
    ]
    assert rings[0] == rings[1] == rings[2]


def test_a_text_does_not_show() -> None:
    assert "secret" not in repr(TextSource("secret"))


def test_keys_in_several_parts_are_all_there(folder: Path, document: dict[str, Any]) -> None:
    more, key_id = with_new_key(document, KeyUse.SEALING)
    put(folder / "more.json", {"keys": {key_id: more["keys"][key_id]}, "receiving": []})
    assert set(DirectorySource(folder).read().keys) == set(more["keys"])


@pytest.mark.parametrize(
    "part", [{"keys": "mine"}, {"primary": "kek-9"}, {"signing": {"id": "sign-9", "seed": "x"}}]
)
def test_parts_that_contradict_each_other_are_refused(
    folder: Path, document: dict[str, Any], part: dict[str, Any]
) -> None:
    if part == {"keys": "mine"}:
        part = {"keys": dict.fromkeys(document["keys"], "another")}
    put(folder / "more.json", part)
    with pytest.raises(KeyRingInvalid, match="is in the key ring twice"):
        DirectorySource(folder).read()


def test_a_part_that_says_something_twice_is_refused(folder: Path) -> None:
    (folder / "more.json").write_text('{"keys": {}, "keys": {}}')
    (folder / "more.json").chmod(0o600)
    with pytest.raises(KeyRingInvalid, match="'keys' is in the key ring twice"):
        DirectorySource(folder).read()


@pytest.mark.parametrize("text", ["[]", "{", "7"])
def test_a_part_that_is_no_object_is_named(folder: Path, text: str) -> None:
    (folder / "more.json").write_text(text)
    (folder / "more.json").chmod(0o600)
    with pytest.raises(KeyRingInvalid, match=r"more\.json is not a JSON object"):
        DirectorySource(folder).read()


def test_a_part_that_everybody_can_read_is_refused(folder: Path) -> None:
    (folder / "rest.json").chmod(0o644)
    with pytest.raises(KeyRingInvalid, match=r"rest\.json is open to everyone"):
        DirectorySource(folder).read()


def test_an_empty_directory_holds_no_ring(tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid):
        LiveKeyRing(DirectorySource(tmp_path))


class Watched:
    """A ring that is followed, and what it complained of."""

    def __init__(self, source: FileSource | DirectorySource) -> None:
        self.problems: list[str] = []
        self.live = LiveKeyRing(source, lambda problem: self.problems.append(str(problem)))


@pytest.fixture
def file(tmp_path: Path, document: dict[str, Any]) -> Path:
    return put(tmp_path / "keyring.json", document)


def add(file: Path) -> str:
    """One key more in the file; gives its id."""
    made: list[str] = []

    def change(document: dict[str, Any]) -> Mapping[str, Any]:
        changed, key_id = with_new_key(document, KeyUse.SEALING)
        made.append(key_id)
        return changed

    change_document(file, change)
    return made[0]


def test_a_ring_follows_its_file_without_a_restart(file: Path) -> None:
    watched = Watched(FileSource(file))
    before = watched.live.primary_id
    key_id = add(file)
    assert key_id in watched.live.ring.keys
    change_document(file, lambda document: with_primary(document, key_id))
    assert watched.live.primary_id == key_id != before
    assert watched.problems == []


def test_a_key_that_was_added_a_moment_ago_is_looked_for_before_it_is_given_up(file: Path) -> None:
    watched = Watched(FileSource(file))
    key_id = add(file)
    wrapped = FileSource(file).read().wrap(key_id, b"k" * 32, CONTEXT)
    assert watched.live.unwrap(key_id, wrapped, CONTEXT) == b"k" * 32
    with pytest.raises(SecretUnreadable, match="no key 'kek-9'"):
        watched.live.unwrap("kek-9", wrapped, CONTEXT)


class Unnoticed:
    """A ring that changes without a sign, as a file may within one tick of the disk's clock."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.reads = 0

    def stamp(self) -> tuple[object, ...]:
        return ()

    def read(self) -> JsonKeyRing:
        self.reads += 1
        return JsonKeyRing.from_document(self.document)


def test_an_unknown_key_is_looked_for_where_nothing_seems_to_have_changed(document: dict[str, Any]) -> None:
    source = Unnoticed(document)
    live = LiveKeyRing(source)
    source.document, key_id = with_new_key(document, KeyUse.SEALING)
    wrapped = source.read().wrap(key_id, b"k" * 32, CONTEXT)
    assert live.unwrap(key_id, wrapped, CONTEXT) == b"k" * 32
    reads = source.reads
    assert live.unwrap(key_id, live.wrap(key_id, b"k" * 32, CONTEXT), CONTEXT) == b"k" * 32
    assert source.reads == reads, "a known key is not looked for"


def test_a_part_that_leads_nowhere_leaves_the_last_good_ring(folder: Path) -> None:
    watched = Watched(DirectorySource(folder))
    before = watched.live.ring
    (folder / "more.json").symlink_to("nowhere")
    assert watched.live.ring == before
    assert "cannot read" in watched.problems[0]


def test_a_change_that_cannot_be_read_leaves_the_last_good_ring_and_is_told_once(file: Path) -> None:
    watched = Watched(FileSource(file))
    before = watched.live.ring
    file.write_text("{")
    for _ in range(3):
        assert watched.live.ring == before
    assert len(watched.problems) == 1
    file.unlink()
    assert watched.live.ring == before
    assert len(watched.problems) == 2


def test_a_file_that_becomes_readable_to_everybody_is_told(file: Path) -> None:
    watched = Watched(FileSource(file))
    before = watched.live.ring
    file.chmod(0o644)
    assert watched.live.ring == before
    assert "open to everyone" in watched.problems[0]


def test_secrets_that_are_swapped_by_a_link_are_noticed(tmp_path: Path, document: dict[str, Any]) -> None:
    """Kubernetes swaps the link `..data`, so the files' names and sizes may stay as they were."""
    for number, ring in enumerate((document, new_document())):
        (tmp_path / f"v{number}").mkdir()
        put(tmp_path / f"v{number}" / "keyring.json", ring)
    (tmp_path / "..data").symlink_to("v0")
    (tmp_path / "keyring.json").symlink_to("..data/keyring.json")
    watched = Watched(DirectorySource(tmp_path))
    assert watched.live.primary_id == document["primary"]
    (tmp_path / "next").symlink_to("v1")
    (tmp_path / "next").replace(tmp_path / "..data")
    assert watched.live.primary_id != document["primary"]


def test_two_that_change_a_ring_at_once_take_turns(file: Path) -> None:
    before = set(FileSource(file).read().keys)
    threads = [threading.Thread(target=add, args=(file,)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(FileSource(file).read().keys) - before) == 8


def test_a_change_that_fails_leaves_the_file_as_it_was(file: Path) -> None:
    before = file.read_text()

    def change(_: dict[str, Any]) -> Mapping[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_document(file, change)
    assert file.read_text() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("text", ["[]", "{", "null", '{"version": 1, "version": 2}'])
def test_a_file_that_is_no_ring_or_says_something_twice_is_not_changed(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(KeyRingInvalid):
        change_document(file, lambda document: {**document, "version": 1})
    assert file.read_text() == text
