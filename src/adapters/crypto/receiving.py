"""
Token sets that the main platform sealed to this service.

Compact JWE (RFC 7516), ECDH-ES on P-256 with A256GCM (RFC 7518). What is sealed are claims as JSON, or,
where the key ring names senders, a compact JWS of them by one of those (ES256): whoever knows our public
key can seal, so only a signature says who did. `docs/adr/0013-sealed-token-sets.md` has the reasons.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from adapters.crypto.keyring import JsonKeyRing
from domain.errors import SecretUnreadable
from domain.messages import SealedTokenSet
from domain.model.handover import HandedOver
from domain.model.ids import ClinicId
from domain.model.tokens import Secret

SEALING = ["ECDH-ES", "A256GCM"]
SIGNING = ["ES256"]
MAX_BYTES = 32 * 1024


class JweTokenOpener:
    """See `domain.ports.TokenOpener`; keys are found by the headers' `kid`, in the ring as it is then."""

    def __init__(self, ring: Callable[[], JsonKeyRing]) -> None:
        self._ring = ring

    def open(self, sealed: SealedTokenSet) -> HandedOver:
        """Raise SecretUnreadable if it was not sealed to us, by one who may, or was tampered with."""
        compact = sealed.jwe.reveal()
        if len(compact) > MAX_BYTES:
            raise SecretUnreadable("the sealed token set is too long")
        ring = self._ring()
        try:
            opened = jwe.decrypt_compact(compact, _finder(ring.receiving), algorithms=SEALING)
            return _handed_over(json.loads(_claims(opened.plaintext or b"", ring)))
        except (JoseError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise SecretUnreadable(f"cannot open the sealed token set ({type(error).__name__})") from None


def _finder(jwks: Sequence[Mapping[str, Any]]) -> Any:
    by_kid = {str(one["kid"]): one for one in jwks}
    return lambda recipient: ECKey.import_key(dict(by_kid[str(recipient.headers()["kid"])]))


def _claims(plaintext: bytes, ring: JsonKeyRing) -> bytes:
    """The claims, once it is sure who signed them, if that matters."""
    if not ring.senders:
        return plaintext
    return jws.deserialize_compact(plaintext, _finder(ring.senders), algorithms=SIGNING).payload


def _handed_over(claims: Mapping[str, Any]) -> HandedOver:
    """
    The claims `clinic_id`, `exp` and `token_set`, all instants in seconds since 1970.

    The token set is the token endpoint's own answer, with `expires_at` in place of `expires_in`.
    """
    tokens = claims["token_set"]
    scope = tokens["scope"]
    scopes = frozenset(scope.split() if isinstance(scope, str) else scope)
    texts = (claims["clinic_id"], tokens["access_token"], tokens["refresh_token"], *scopes)
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("ids, tokens and scopes are text")
    return HandedOver(
        clinic_id=ClinicId(claims["clinic_id"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        access_token=Secret(tokens["access_token"]),
        refresh_token=Secret(tokens["refresh_token"]),
        access_expires_at=datetime.fromtimestamp(int(tokens["expires_at"]), UTC),
        scopes=scopes,
    )
