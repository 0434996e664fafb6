import json
from pathlib import Path

import pytest

from builders import CLINIC
from contract.backends import PostgresBackend
from contract.given import connected
from domain.model.certificate import Certificate, Erased, Revocation
from keys.conftest import Keys, OpenBackend
from services.logins import new_login


@pytest.fixture
def backend(process: OpenBackend) -> PostgresBackend:
    """Two certificates of one clinic."""
    backend = process()
    connection = connected(backend.transaction)
    for erased, more in ((Erased.TOKENS, {"key_id": "key-1"}), (Erased.PAYROLL, {"rows": {"payslip": 12}})):
        with backend.transaction(CLINIC) as stores:
            stores.certificates.issue(
                Certificate(
                    clinic_id=CLINIC,
                    connection_id=connection.id,
                    erased=erased,
                    at=stores.now,
                    revocation=Revocation.REVOKED,
                    **more,
                )
            )
    return backend


@pytest.fixture
def certificate(keys: Keys, backend: PostgresBackend, tmp_path: Path) -> Path:
    """A certificate as a file, as a clinic would get it."""
    assert len(backend.certificates()) == 2
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "public.json").write_text(keys.run("keys", "public").stdout)
    path = folder / "certificate-2.json"
    path.write_text(keys.run("certificates", "show", "2", "--json").stdout)
    return path


def verified(keys: Keys, path: Path) -> tuple[int, str]:
    """The exit code and the verdict, with no key ring and no database at hand."""
    nothing = {"ALLIE_XERO_KEYRING_FILE": "", "DATABASE_URL": ""}
    public = str(path.parent / "public.json")
    result = keys.run("certificates", "verify", str(path), "--public", public, "--json", **nothing)
    return result.exit_code, str(json.loads(result.stdout)[str(path)])


@pytest.mark.usefixtures("backend")
def test_certificates_are_listed_by_clinic(keys: Keys) -> None:
    found = keys.json("certificates", "list", "--clinic", CLINIC)
    assert [one["document"]["erased"] for one in found] == ["tokens", "payroll"]
    assert keys.json("certificates", "list", "--clinic", "nobody") == []
    assert "Erasure certificates" in keys.run("certificates", "list").stdout


@pytest.mark.usefixtures("backend")
def test_a_certificate_shows_what_was_destroyed(keys: Keys) -> None:
    shown = keys.run("certificates", "show", "2").stdout
    assert "payroll" in shown
    assert "payslip" in shown
    assert "revoked" in shown


@pytest.mark.usefixtures("backend")
def test_a_certificate_that_does_not_exist_is_not_shown(keys: Keys) -> None:
    result = keys.run("certificates", "show", "9")
    assert result.exit_code == 1
    assert "no certificate 9" in result.stderr


@pytest.mark.usefixtures("backend")
def test_every_certificate_of_the_database_is_verified_with_old_keys_too(keys: Keys) -> None:
    keys.json("keys", "add", "signing")
    assert keys.json("certificates", "verify") == {"1": "good", "2": "good"}


@pytest.mark.usefixtures("backend")
def test_an_operators_login_is_enough(keys: Keys) -> None:
    with new_login(keys.database_url, "operator") as url:
        assert keys.run("certificates", "verify", DATABASE_URL=url).exit_code == 0


def test_a_forged_row_is_found(keys: Keys, backend: PostgresBackend) -> None:
    with backend.engine.begin() as session:
        session.exec_driver_sql("SET LOCAL session_replication_role = replica")
        session.exec_driver_sql(
            "UPDATE allie_xero.certificate SET document = document - 'revocation' WHERE id = 1"
        )
    assert keys.json("certificates", "verify", code=1) == {"1": "FORGED OR DAMAGED", "2": "good"}


def test_anybody_verifies_a_file_with_the_public_keys(keys: Keys, certificate: Path) -> None:
    assert verified(keys, certificate) == (0, "good")


def test_a_file_that_was_changed_is_found(keys: Keys, certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    document["document"]["rows"]["payslip"] = 13
    certificate.write_text(json.dumps(document))
    assert verified(keys, certificate) == (1, "FORGED OR DAMAGED")


def test_a_file_signed_by_somebody_else_is_found(keys: Keys, certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    certificate.write_text(json.dumps({**document, "signing_key_id": "sign-9"}))
    assert verified(keys, certificate) == (1, "UNKNOWN KEY sign-9")


@pytest.mark.parametrize("text", ["{}", "[]", '{"signing_key_id": 1, "signature": 2, "document": 3}'])
def test_what_is_no_certificate_is_called_so(keys: Keys, certificate: Path, text: str) -> None:
    certificate.write_text(text)
    assert verified(keys, certificate) == (1, "NOT A CERTIFICATE")
