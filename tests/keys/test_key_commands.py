import json
import stat

import pytest

from adapters.postgres.reports import LoginTooNarrow
from contract.given import connected, live
from domain.model.tokens import Credential
from keys.conftest import Keys, OpenBackend
from services.logins import new_login


@pytest.fixture
def sealed(process: OpenBackend) -> Credential:
    """A live token set."""
    transaction = process().transaction
    return live(transaction, connected(transaction))


def primary(keys: Keys) -> str:
    return str(keys.document["primary"])


def add(keys: Keys, use: str = "sealing") -> str:
    return str(keys.json("keys", "add", use)["key"])


def refused(keys: Keys, *arguments: str) -> str:
    before = keys.path.read_text()
    result = keys.run(*arguments)
    assert result.exit_code == 1
    assert keys.path.read_text() == before
    return " ".join(result.stderr.split())


def rotated(keys: Keys) -> tuple[str, str]:
    """Another primary key, and nothing sealed with the one before."""
    old, new = primary(keys), add(keys)
    keys.json("keys", "promote", new)
    keys.json("keys", "rewrap")
    return old, new


def test_an_added_key_opens_but_does_not_seal(keys: Keys) -> None:
    before = primary(keys)
    key_id = add(keys)
    assert primary(keys) == before
    assert set(keys.ring.keys) == {before, key_id}


def test_rotating_a_key_from_beginning_to_end(keys: Keys, process: OpenBackend, sealed: Credential) -> None:
    old, new = primary(keys), add(keys)
    assert keys.json("keys", "promote", new) == {"primary": new}
    assert keys.json("keys", "rewrap") == {"moved": 1, "left": 0, "unreadable": 0}
    keys.settle()
    assert keys.json("keys", "retire", old) == {"retired": old}
    assert set(keys.ring.keys) == {new}
    with process().transaction(sealed.clinic_id) as stores:
        assert stores.credentials.open(sealed).refresh_token.reveal() == "refresh-1"


@pytest.mark.usefixtures("sealed")
def test_status_counts_what_each_key_seals(keys: Keys) -> None:
    old, new = primary(keys), add(keys)
    keys.json("keys", "promote", new)
    assert keys.json("keys", "status")["sealing"] == [
        {"id": old, "role": "opens", "token_sets": 1},
        {"id": new, "role": "primary", "token_sets": 0},
    ]
    keys.json("keys", "rewrap")
    counts = {one["id"]: one["token_sets"] for one in keys.json("keys", "status")["sealing"]}
    assert counts == {old: 0, new: 1}


@pytest.mark.usefixtures("sealed")
def test_status_fails_when_a_key_in_use_is_not_in_the_ring(keys: Keys) -> None:
    old, new = primary(keys), add(keys)
    keys.path.write_text(
        json.dumps({**keys.document, "primary": new, "keys": {new: keys.document["keys"][new]}})
    )
    assert keys.json("keys", "status", code=1)["missing"] == [{"id": old, "role": "MISSING", "token_sets": 1}]
    assert "put them back" in keys.run("keys", "status").stderr


@pytest.mark.usefixtures("sealed")
def test_a_key_in_use_is_not_retired(keys: Keys) -> None:
    old, new = primary(keys), add(keys)
    assert "is the primary key" in refused(keys, "keys", "retire", old)
    keys.json("keys", "promote", new)
    keys.settle()
    assert "seals 1 token sets; run: allie-xero keys rewrap" in refused(keys, "keys", "retire", old)


def test_a_key_is_not_retired_while_a_process_may_still_seal_with_it(keys: Keys) -> None:
    old, _ = rotated(keys)
    assert "wait 10 minutes" in refused(keys, "keys", "retire", old)
    keys.settle()
    keys.json("keys", "retire", old)


@pytest.mark.usefixtures("sealed")
def test_a_key_is_not_retired_on_the_word_of_a_login_that_sees_no_rows(keys: Keys) -> None:
    old, new = primary(keys), add(keys)
    keys.json("keys", "promote", new)
    keys.settle()
    with new_login(keys.database_url, "worker") as narrow:
        result = keys.run("keys", "retire", old, DATABASE_URL=narrow)
    assert isinstance(result.exception, LoginTooNarrow)
    assert old in keys.ring.keys


@pytest.mark.usefixtures("sealed")
def test_the_dispatchers_login_rewraps_and_the_operators_asks(keys: Keys) -> None:
    old, new = primary(keys), add(keys)
    keys.json("keys", "promote", new)
    with new_login(keys.database_url, "dispatcher") as url:
        assert keys.run("keys", "rewrap", DATABASE_URL=url).exit_code == 0
    with new_login(keys.database_url, "operator") as url:
        assert keys.run("keys", "status", DATABASE_URL=url).exit_code == 0
        assert keys.run("keys", "audit", DATABASE_URL=url).exit_code == 0
        keys.settle()
        assert keys.run("keys", "retire", old, DATABASE_URL=url).exit_code == 0


def test_unknown_keys_are_refused(keys: Keys) -> None:
    assert "no sealing key" in refused(keys, "keys", "promote", "kek-9")
    assert "primary key already" in refused(keys, "keys", "promote", primary(keys))
    assert "no sealing or receiving key" in refused(keys, "keys", "retire", "kek-9")


def test_receiving_keys_come_first_when_new_and_the_last_one_stays(keys: Keys) -> None:
    [old] = [one["kid"] for one in keys.document["receiving"]]
    assert "only receiving key" in refused(keys, "keys", "retire", old)
    new = add(keys, "receiving")
    assert [one["kid"] for one in keys.document["receiving"]] == [new, old]
    keys.json("keys", "retire", old)
    assert [one["kid"] for one in keys.document["receiving"]] == [new]


def test_an_old_signing_key_leaves_its_public_half(keys: Keys) -> None:
    old = keys.document["signing"]
    new = add(keys, "signing")
    assert keys.document["signing"]["id"] == new
    assert old["id"] in keys.document["verifying"]
    assert old["seed"] not in keys.path.read_text()
    assert "no sealing or receiving key" in refused(keys, "keys", "retire", new)


def test_what_is_public_holds_no_secret(keys: Keys) -> None:
    add(keys, "signing")
    shown = keys.run("keys", "public").stdout
    public = json.loads(shown)
    document = keys.document
    assert [one["kid"] for one in public["receiving"]["keys"]] == [
        one["kid"] for one in document["receiving"]
    ]
    assert set(public["verifying"]) == {document["signing"]["id"], *document["verifying"]}
    secrets = [*document["keys"].values(), document["signing"]["seed"], document["receiving"][0]["d"]]
    assert not [one for one in secrets if one in shown]


def test_no_command_shows_a_secret(keys: Keys) -> None:
    shown = "".join(
        keys.run(*command).output
        for command in (("keys", "add"), ("keys", "status"), ("keys", "status", "--json"), ("keys", "rewrap"))
    )
    document = keys.document
    secrets = [*document["keys"].values(), document["signing"]["seed"], document["receiving"][0]["d"]]
    assert not [one for one in secrets if one in shown]


def test_a_changed_ring_keeps_its_mode(keys: Keys) -> None:
    keys.path.chmod(0o640)
    add(keys)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o640
    assert [one.name for one in keys.path.parent.iterdir()] == ["keyring.json"]


def test_a_directory_of_mounted_secrets_is_not_changed_here(keys: Keys) -> None:
    result = keys.run("keys", "add", ALLIE_XERO_KEYRING_FILE=str(keys.path.parent))
    assert result.exit_code == 1
    assert "change the ring where those come from" in " ".join(result.stderr.split())


def test_the_audit_says_who_opened_a_token_set_and_why(keys: Keys, sealed: Credential) -> None:
    new = add(keys)
    keys.json("keys", "promote", new)
    keys.json("keys", "rewrap")
    newest, *_, oldest = keys.json("keys", "audit", "--clinic", sealed.clinic_id)
    assert newest["action"] == "rewrapped"
    assert newest["purpose"].startswith("rewrap by ")
    assert newest["process"].startswith("cli@")
    assert newest["database_user"]
    assert oldest["action"] == "opened"
    assert keys.json("keys", "audit", "--clinic", "nobody") == []
    assert "who and why" in keys.run("keys", "audit").stdout


@pytest.mark.usefixtures("sealed")
def test_people_are_told_what_comes_next(keys: Keys) -> None:
    assert "keys promote kek-" in " ".join(keys.run("keys", "add").stdout.split())
    key_id = next(one for one in keys.ring.keys if one != primary(keys))
    assert "keys rewrap" in keys.run("keys", "promote", key_id).stdout
    assert "1 data keys were moved" in keys.run("keys", "rewrap").stdout
    assert "primary" in keys.run("keys", "status").stdout


def test_rewrapping_says_what_cannot_be_opened(keys: Keys, process: OpenBackend, sealed: Credential) -> None:
    new = add(keys)
    keys.json("keys", "promote", new)
    process().lose(sealed.id)
    result = keys.run("keys", "rewrap")
    assert result.exit_code == 1
    assert "1 cannot be opened" in result.stderr
