"""
Seal a token set to the service, with joserfc and nothing of this service.

Standard input: {"clinic_id": "...", "token_set": what Xero's token endpoint has answered}
Standard output: the `grant` for the event connect-completed
Arguments: what `allie-xero keys public` printed, and our private key (JWK) where the service names senders

    python seal.py public.json [sender.json] < obtained.json
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import ECKey

GOOD_FOR_S = 600


def sealed(
    clinic_id: str, token_set: dict[str, Any], receiver: dict[str, Any], sender: dict[str, Any] | None
) -> str:
    """A compact JWE that only the service can open, signed by us if it wants that."""
    now = int(time.time())
    kept = {name: token_set[name] for name in ("access_token", "refresh_token", "scope")}
    claims = {
        "clinic_id": clinic_id,
        "exp": now + GOOD_FOR_S,
        "token_set": {**kept, "expires_at": now + token_set["expires_in"]},
    }
    plaintext = json.dumps(claims)
    if sender is not None:
        header = {"alg": "ES256", "kid": sender["kid"]}
        plaintext = jws.serialize_compact(header, plaintext, ECKey.import_key(sender), algorithms=["ES256"])
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": receiver["kid"]}
    return jwe.encrypt_compact(
        protected, plaintext, ECKey.import_key(receiver), algorithms=["ECDH-ES", "A256GCM"]
    )


if __name__ == "__main__":
    public = json.loads(Path(sys.argv[1]).read_text())
    sender = json.loads(Path(sys.argv[2]).read_text()) if sys.argv[2:] else None
    obtained = json.load(sys.stdin)
    newest = public["receiving"]["keys"][0]
    jwe_text = sealed(obtained["clinic_id"], obtained["token_set"], newest, sender)
    print(json.dumps({"type": "sealed_token_set", "jwe": jwe_text}))
