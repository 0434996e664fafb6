"""New keys, and the changes of a key ring's life: each takes a document and gives the changed one."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from joserfc.jwk import ECKey

from adapters.crypto.keyring import VERSION, JsonKeyRing, encoded_key, new_key_id
from adapters.crypto.signing import public_keys

Document = dict[str, Any]


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
    """That key seals from now on."""
    return {**document, "primary": key_id, "promoted_at": datetime.now(UTC).isoformat()}


def without_key(document: Mapping[str, Any], key_id: str) -> Document:
    """The ring without that sealing or receiving key."""
    return {
        **document,
        "keys": {one: key for one, key in document["keys"].items() if one != key_id},
        "receiving": [one for one in document["receiving"] if one["kid"] != key_id],
    }


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
