import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey

from adapters.crypto.generation import new_document, new_receiving_key, public_half
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.receiving import MAX_BYTES, JweTokenOpener
from domain.errors import SecretUnreadable
from domain.messages import SealedTokenSet
from domain.model.handover import HandedOver
from domain.model.ids import ClinicId
from domain.model.tokens import Secret

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
OLD, NEW = new_receiving_key(), new_receiving_key()


def sender_key() -> dict[str, Any]:
    return {name: value for name, value in new_receiving_key().items() if name != "use"}


SENDER = sender_key()


def ring(**changes: Any) -> JsonKeyRing:
    return JsonKeyRing.from_document({**new_document(), "receiving": [NEW, OLD], **changes})


OPEN_TO_ALL = ring()
SIGNED_ONLY = ring(senders=[public_half(SENDER)])
LENIENT = jwe.JWERegistry(algorithms=["ECDH-ES", "dir", "A256KW", "A256GCM"], strict_check_header=False)
TOKENS = {
    "access_token": "an-access-token",
    "refresh_token": "a-refresh-token",
    "expires_at": int((NOW + timedelta(minutes=30)).timestamp()),
    "scope": "offline_access payroll.payruns.read",
}
CLAIMS: dict[str, Any] = {
    "clinic_id": "clinic-1",
    "exp": int((NOW + timedelta(minutes=10)).timestamp()),
    "token_set": TOKENS,
}


def sealed(
    claims: object = CLAIMS,
    key: dict[str, Any] = NEW,
    header: dict[str, Any] | None = None,
    signed_by: dict[str, Any] | None = None,
) -> SealedTokenSet:
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key["kid"], **(header or {})}
    kept = {name: value for name, value in protected.items() if value is not None}
    plain = json.dumps(claims)
    if signed_by is not None:
        head = {"alg": "ES256", "kid": signed_by["kid"]}
        plain = jws.serialize_compact(head, plain, ECKey.import_key(signed_by))
    compact = jwe.encrypt_compact(kept, plain.encode(), ECKey.import_key(key), registry=LENIENT)
    return SealedTokenSet(jwe=Secret(compact))


def opened(token_set: SealedTokenSet, keys: JsonKeyRing = OPEN_TO_ALL) -> HandedOver:
    return JweTokenOpener(lambda: keys).open(token_set)


def refused(token_set: SealedTokenSet, keys: JsonKeyRing = OPEN_TO_ALL) -> SecretUnreadable:
    with pytest.raises(SecretUnreadable) as caught:
        opened(token_set, keys)
    error = caught.value
    assert "access-token" not in str(error)
    assert "refresh-token" not in str(error)
    assert error.__suppress_context__ or error.__context__ is None
    return error


def test_a_token_set_sealed_to_us_opens() -> None:
    assert opened(sealed()) == HandedOver(
        clinic_id=ClinicId("clinic-1"),
        expires_at=NOW + timedelta(minutes=10),
        access_token=Secret("an-access-token"),
        refresh_token=Secret("a-refresh-token"),
        access_expires_at=NOW + timedelta(minutes=30),
        scopes=frozenset({"offline_access", "payroll.payruns.read"}),
    )


def test_scopes_may_come_as_a_list() -> None:
    found = opened(sealed({**CLAIMS, "token_set": {**TOKENS, "scope": ["offline_access"]}}))
    assert found.scopes == {"offline_access"}


def test_an_older_receiving_key_still_opens() -> None:
    assert opened(sealed(key=OLD)).refresh_token == Secret("a-refresh-token")


def test_a_token_set_sealed_to_somebody_else_does_not_open() -> None:
    refused(sealed(key=new_receiving_key()))
    refused(sealed(key={**new_receiving_key(), "kid": NEW["kid"]}))


def test_a_token_set_that_names_no_key_does_not_open() -> None:
    refused(sealed(header={"kid": None}))


def test_where_senders_are_named_only_what_one_of_them_has_signed_opens() -> None:
    assert opened(sealed(signed_by=SENDER), SIGNED_ONLY).clinic_id == "clinic-1"
    refused(sealed(), SIGNED_ONLY)
    refused(sealed(signed_by=sender_key()), SIGNED_ONLY)
    refused(sealed(signed_by={**sender_key(), "kid": SENDER["kid"]}), SIGNED_ONLY)


def test_a_signature_that_says_it_is_none_is_refused() -> None:
    head = json.dumps({"alg": "none", "kid": SENDER["kid"]}).encode()
    parts = [urlsafe_b64encode(part).decode().rstrip("=") for part in (head, json.dumps(CLAIMS).encode())]
    forged = ".".join([*parts, ""])
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": NEW["kid"]}
    compact = jwe.encrypt_compact(protected, forged.encode(), ECKey.import_key(NEW), registry=LENIENT)
    refused(SealedTokenSet(jwe=Secret(compact)), SIGNED_ONLY)


def test_a_tampered_token_set_does_not_open() -> None:
    compact = sealed().jwe.reveal()
    head, *rest = compact.split(".")
    for number, part in enumerate(rest):
        if part:
            changed = ("A" if part[0] != "A" else "B") + part[1:]
            forged = [*rest[:number], changed, *rest[number + 1 :]]
            refused(SealedTokenSet(jwe=Secret(".".join([head, *forged]))))


@pytest.mark.parametrize("text", ["", ".", "....", "a.b.c.d.e", "é" * 20, "x" * (MAX_BYTES + 1)])
def test_noise_does_not_open(text: str) -> None:
    refused(SealedTokenSet(jwe=Secret(text)))


@pytest.mark.parametrize(
    "claims",
    [
        [],
        "text",
        {},
        TOKENS,
        {**CLAIMS, "exp": None},
        {**CLAIMS, "exp": "soon"},
        {**CLAIMS, "exp": 10**30},
        {**CLAIMS, "clinic_id": 1},
        {**CLAIMS, "token_set": []},
        {name: value for name, value in CLAIMS.items() if name != "clinic_id"},
    ],
    ids=str,
)
def test_claims_that_lack_something_are_refused(claims: object) -> None:
    refused(sealed(claims))


@pytest.mark.parametrize(
    "token_set",
    [
        {},
        {**TOKENS, "refresh_token": None},
        {**TOKENS, "refresh_token": 12},
        {**TOKENS, "access_token": {"a": "b"}},
        {**TOKENS, "expires_at": "soon"},
        {**TOKENS, "expires_at": 10**30},
        {**TOKENS, "scope": None},
        {**TOKENS, "scope": 7},
        {**TOKENS, "scope": [7]},
        {name: value for name, value in TOKENS.items() if name != "refresh_token"},
    ],
    ids=str,
)
def test_what_is_no_token_set_is_refused(token_set: object) -> None:
    refused(sealed({**CLAIMS, "token_set": token_set}))


def test_another_algorithm_is_refused() -> None:
    key = OctKey.generate_key(256)
    for algorithm in ("dir", "A256KW"):
        protected = {"alg": algorithm, "enc": "A256GCM", "kid": NEW["kid"]}
        compact = jwe.encrypt_compact(protected, json.dumps(CLAIMS).encode(), key, registry=LENIENT)
        refused(SealedTokenSet(jwe=Secret(compact)))


@pytest.mark.parametrize(
    "header",
    [{"alg": "ECDH-ES+A256KW"}, {"alg": "ECDH-ES+A128KW"}, {"enc": "A128GCM"}, {"enc": "A256CBC-HS512"}],
)
def test_an_algorithm_that_others_think_well_of_is_refused_too(header: dict[str, str]) -> None:
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": NEW["kid"], **header}
    compact = jwe.encrypt_compact(
        protected, json.dumps(CLAIMS).encode(), ECKey.import_key(NEW), algorithms=list(protected.values())
    )
    refused(SealedTokenSet(jwe=Secret(compact)))


def test_what_is_too_long_is_not_even_opened() -> None:
    assert "too long" in str(refused(SealedTokenSet(jwe=Secret("x" * (MAX_BYTES + 1)))))
    assert "too long" not in str(refused(SealedTokenSet(jwe=Secret("x" * MAX_BYTES))))
    assert MAX_BYTES == 32_768
