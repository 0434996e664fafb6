"""What PostgreSQL holds of tokens and certificates, and what it refuses."""

import base64
from urllib.parse import quote

import pytest

from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner, is_signed
from adapters.postgres.certificates import canonical
from adapters.postgres.tables import metadata
from builders import CLINIC, make_tokens
from contract.backends import PostgresBackend
from contract.given import connected, hold, live
from domain.errors import SecretUnreadable
from domain.model.certificate import Certificate, Erased
from domain.model.tokens import Credential, HeldTokens

SECRETS = [f"{kind}-{name}" for kind in ("access", "refresh") for name in ("first", "second")]


@pytest.fixture
def rotated(postgres_backend: PostgresBackend) -> Credential:
    """A live token set that has been rotated once, so that a previous token is held too."""
    connection = connected(postgres_backend.transaction)
    seen = live(postgres_backend.transaction, connection, "first")
    rotate(postgres_backend, seen, "second")
    with postgres_backend.transaction(CLINIC) as stores:
        found = stores.credentials.live(connection.id)
    assert found is not None
    return found


def rotate(backend: PostgresBackend, seen: Credential, name: str) -> None:
    tokens = make_tokens(name)
    with backend.transaction(seen.clinic_id) as stores:
        before = stores.credentials.open(seen)
        after = seen.refreshed(tokens, seen, stores.now)
        stores.credentials.save(after, seen=seen, tokens=before.rotated(tokens, before.refresh_token))


def open_live(backend: PostgresBackend, credential: Credential) -> HeldTokens:
    with backend.transaction(credential.clinic_id) as stores:
        found = stores.credentials.live(credential.connection_id)
        assert found is not None
        return stores.credentials.open(found)


def everything(backend: PostgresBackend) -> str:
    """Every column of every row of every table, as text."""
    names = [f'"{table.schema}"."{table.name}"' for table in metadata.sorted_tables]
    rows = [row["whole"] for name in names for row in backend.ask(f"SELECT t::text AS whole FROM {name} t")]
    return "\n".join(rows)


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode()[:-3], quote(secret, safe="")}


def test_no_token_is_in_any_column(postgres_backend: PostgresBackend, rotated: Credential) -> None:
    assert open_live(postgres_backend, rotated).previous is not None
    held = everything(postgres_backend)
    assert "tenant-1" in held
    assert not [one for secret in SECRETS for one in spellings(secret) if one in held]


def test_a_destroyed_token_set_leaves_no_ciphertext_and_no_person(
    postgres_backend: PostgresBackend, rotated: Credential
) -> None:
    with postgres_backend.transaction(CLINIC) as stores:
        stores.credentials.shred(rotated)
    [row] = postgres_backend.ask("SELECT * FROM allie_xero.credential")
    gone = ("data_key", "sealed_tokens", "sealed_previous", "user_name", "user_email")
    assert [row[name] for name in gone] == [None] * 5
    assert row["shredded_at"] is not None


SWAPS = ["sealed_tokens", "sealed_previous", "data_key", "data_key, sealed_tokens, sealed_previous"]


@pytest.mark.parametrize("columns", SWAPS)
def test_ciphertext_of_another_row_cannot_be_opened(
    postgres_backend: PostgresBackend, rotated: Credential, columns: str
) -> None:
    other = connected(postgres_backend.transaction, "clinic-2", "tenant-2")
    seen = live(postgres_backend.transaction, other, "other")
    rotate(postgres_backend, seen, "another")
    names = columns.split(", ")
    changes = ", ".join(f"{name} = other.{name}" for name in names)
    postgres_backend.execute(
        f"UPDATE allie_xero.credential c SET {changes} FROM allie_xero.credential other"
        " WHERE c.id = :mine AND other.id = :other",
        mine=rotated.id,
        other=seen.id,
    )
    with pytest.raises(SecretUnreadable):
        open_live(postgres_backend, rotated)
    audit = postgres_backend.ask("SELECT action FROM allie_xero.credential_audit ORDER BY id")
    assert audit[-1]["action"] == "unreadable"


@pytest.mark.parametrize(
    "change",
    [
        "tenant_id = 'tenant-9'",
        "generation = generation + 1",
        "version = version + 1",
        "sealed_previous = sealed_tokens",
        "sealed_tokens = sealed_previous",
    ],
)
def test_ciphertext_cannot_be_opened_in_another_place_of_its_row(
    postgres_backend: PostgresBackend, rotated: Credential, change: str
) -> None:
    postgres_backend.execute(f"UPDATE allie_xero.credential SET {change} WHERE id = :id", id=rotated.id)
    with pytest.raises(SecretUnreadable):
        open_live(postgres_backend, rotated)
    audit = postgres_backend.ask("SELECT action FROM allie_xero.credential_audit ORDER BY id")
    assert audit[-1]["action"] == "unreadable"


def test_a_token_set_gets_a_new_key_when_it_becomes_live(postgres_backend: PostgresBackend) -> None:
    query = "SELECT key_id, kek_id, data_key FROM allie_xero.credential"
    connection = connected(postgres_backend.transaction)
    pending = hold(postgres_backend.transaction, connection)
    [before] = postgres_backend.ask(query)
    with postgres_backend.transaction(CLINIC) as stores:
        stores.credentials.activate(pending, connection)
    [after] = postgres_backend.ask(query)
    assert after["key_id"] != before["key_id"]
    assert after["kek_id"] == before["kek_id"]
    assert bytes(after["data_key"]) != bytes(before["data_key"])


def test_a_certificate_can_be_verified_by_anybody(
    postgres_backend: PostgresBackend, key_ring: JsonKeyRing
) -> None:
    connection = connected(postgres_backend.transaction)
    with postgres_backend.transaction(CLINIC) as stores:
        stores.certificates.issue(
            Certificate(
                clinic_id=CLINIC,
                connection_id=connection.id,
                erased=Erased.PAYROLL,
                at=stores.now,
                rows={"payslip": 12, "employee": 3},
            )
        )
    [row] = postgres_backend.ask("SELECT * FROM allie_xero.certificate")
    public = CertificateSigner(key_ring.signing_id, key_ring.signing).public_key()
    assert row["signing_key_id"] == key_ring.signing_id
    assert is_signed(public, canonical(row["document"]), bytes(row["signature"]))
    forged = {**row["document"], "rows": {"payslip": 13, "employee": 3}}
    assert not is_signed(public, canonical(forged), bytes(row["signature"]))
