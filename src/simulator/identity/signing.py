"""Signing tokens. The key is public on purpose: it signs for a simulated Xero only."""

import base64
from random import Random
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

_BITS, _EXPONENT = 1024, 65_537
_KEY_ID = "A110000000000000000000000000000000000001"


def _prime(name: str, offset: int) -> int:
    """A known prime: `offset` after a number that follows from `name`. So the same seed signs alike."""
    return (Random(name).getrandbits(_BITS) | 3 << (_BITS - 2) | 1) + offset


def _text(number: int) -> str:
    size = (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def _key() -> RSAKey:
    p, q = _prime("simulator signing key p", 328), _prime("simulator signing key q", 1304)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = {"n": p * q, "e": _EXPONENT, "d": d, "p": p, "q": q}
    numbers |= {"dp": d % (p - 1), "dq": d % (q - 1), "qi": pow(q, -1, p)}
    texts: dict[str, str | list[str]] = {name: _text(number) for name, number in numbers.items()}
    return RSAKey.import_key({"kty": "RSA", "kid": _KEY_ID, "use": "sig", "alg": "RS256", **texts})


_KEY = _key()


def sign(claims: dict[str, Any]) -> str:
    """A signed JWT."""
    return jwt.encode({"alg": "RS256", "kid": _KEY_ID, "typ": "JWT", "x5t": _KEY_ID[:27]}, claims, _KEY)


def claims_of(token: str) -> dict[str, Any] | None:
    """The claims of a token that we signed, expired or not; None for anything else."""
    try:
        return dict(jwt.decode(token, _KEY, algorithms=["RS256"]).claims)
    except (JoseError, ValueError):
        return None


def key_set() -> dict[str, Any]:
    """The public key set (JWKS)."""
    return {"keys": [_KEY.as_dict(private=False)]}
