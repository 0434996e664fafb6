"""What others need of a key ring, none of it secret."""

import binascii
import json
from base64 import b64decode, b64encode
from typing import Any

from adapters.crypto.documents import KeyRingInvalid
from adapters.crypto.generation import public_half
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import public_keys


def published(ring: JsonKeyRing) -> dict[str, Any]:
    """
    The keys to seal token sets to, and those that verify certificates.

    `receiving` is a JWK set (RFC 7517), newest first; `verifying` has Ed25519 public keys by their ids, in
    base64.
    """
    verifying = {key_id: b64encode(key).decode() for key_id, key in sorted(public_keys(ring).items())}
    return {"receiving": {"keys": [public_half(one) for one in ring.receiving]}, "verifying": verifying}


def verifying_keys(text: str) -> dict[str, bytes]:
    """The keys that verify certificates, of what `published` gave, as JSON. Raises KeyRingInvalid."""
    try:
        return {key_id: b64decode(key) for key_id, key in json.loads(text)["verifying"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        raise KeyRingInvalid("these are not the public keys that `allie-xero keys public` prints") from None
