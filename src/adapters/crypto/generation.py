"""New keys, and the changes of a key ring's life: each takes a document and gives the changed one."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc.jwk import ECKey

from adapters.crypto.keyring import VERSION, JsonKeyRing, encoded_key, new_key_id
from adapters.crypto.signing import public_keys

Document = dict[str, Any]

SETTLING = timedelta(minutes=10)
"""How long after a promotion a process may still seal with the key before; see docs/keys.md."""


class KeyRefused(Exception):
    """A change of the key ring that would lose something; the message says what to do first."""


class KeyUse(StrEnum):
    """What a key is for."""

    SEALING = "sealing"
    SIGNING = "signing"
    RECEIVING = "receiving"


def new_document() -> Document:
    """A key ring with one key of each sort, as a JSON document."""
    kek_id = new_key_id("kek")
    return {
        "version": VERSION,
        "primary": kek_id,
        "keys": {kek_id: encoded_key()},
        "signing": _new_signing_key(),
        "receiving": [new_receiving_key()],
    }


def with_new_key(document: Mapping[str, Any], use: KeyUse) -> tuple[Document, str]:
    """
    One key more, and its id.

    A sealing key opens at once and seals when it is promoted; a receiving key is one more to seal to; a
    signing key signs at once, and of the one before it only the public half is kept.
    """
    match use:
        case KeyUse.SEALING:
            key_id = new_key_id("kek")
            return {**document, "keys": {**document["keys"], key_id: encoded_key()}}, key_id
        case KeyUse.RECEIVING:
            jwk = new_receiving_key()
            return {**document, "receiving": [jwk, *document["receiving"]]}, jwk["kid"]
        case KeyUse.SIGNING:
            known = public_keys(JsonKeyRing.from_document(document))
            verifying = {key_id: b64encode(public).decode() for key_id, public in known.items()}
            key = _new_signing_key()
            return {**document, "signing": key, "verifying": verifying}, key["id"]


def with_primary(document: Mapping[str, Any], key_id: str) -> Document:
    """That sealing key seals from now on. Raises KeyRefused."""
    if key_id not in document["keys"]:
        raise KeyRefused(f"{key_id!r} is no sealing key of this ring")
    if key_id == document["primary"]:
        raise KeyRefused(f"{key_id} is the primary key already")
    return {**document, "primary": key_id, "promoted_at": datetime.now(UTC).isoformat()}


def without_key(document: Mapping[str, Any], key_id: str, in_use: Mapping[str, int]) -> Document:
    """
    The ring without that sealing or receiving key; `in_use` counts the token sets that each seals.

    Raises KeyRefused for a key that something still needs, now or in a moment.
    """
    refused = _needed_for(document, key_id, in_use)
    if refused is not None:
        raise KeyRefused(refused)
    return {
        **document,
        "keys": {one: key for one, key in document["keys"].items() if one != key_id},
        "receiving": [one for one in document["receiving"] if one["kid"] != key_id],
    }


def _needed_for(document: Mapping[str, Any], key_id: str, in_use: Mapping[str, int]) -> str | None:
    receiving = [one["kid"] for one in document["receiving"]]
    if key_id in receiving:
        return f"{key_id} is the only receiving key; add another first" if len(receiving) == 1 else None
    if key_id not in document["keys"]:
        return f"{key_id!r} is no sealing or receiving key of this ring"
    if key_id == document["primary"]:
        return f"{key_id} is the primary key; promote another first"
    if in_use.get(key_id, 0):
        return f"{key_id} seals {in_use[key_id]:,} token sets; run: allie-xero keys rewrap"
    promoted_at = document.get("promoted_at")
    if promoted_at and datetime.now(UTC) - datetime.fromisoformat(promoted_at) < SETTLING:
        return f"another key was promoted {promoted_at}; wait {SETTLING.seconds // 60} minutes after that"
    return None


def new_receiving_key() -> Document:
    """A private JWK for token sets that the main platform seals to us (ECDH-ES on P-256)."""
    kid = new_key_id("recv")
    key = ECKey.generate_key("P-256", {"kid": kid, "use": "enc"}, private=True)
    return dict(key.as_dict(private=True))


def public_half(private_jwk: Mapping[str, Any]) -> Document:
    """What the main platform needs of a receiving key."""
    return dict(ECKey.import_key(dict(private_jwk)).as_dict(private=False))


def _new_signing_key() -> dict[str, str]:
    return {"id": new_key_id("sign"), "seed": encoded_key()}
