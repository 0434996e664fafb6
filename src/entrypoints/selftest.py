"""
What a process makes sure of before it starts: its keys work, and the database's schema is one it knows.

The known vector shows that this build opens what earlier ones have sealed. If the envelope's format changes,
this text must still be opened by it; a new format gets a vector of its own.
"""

from base64 import b64decode

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.keyring import JsonKeyRing, KeyRing, KeyRingInvalid
from adapters.postgres.probe import DatabaseProbe
from domain.errors import SecretUnreadable
from entrypoints.keys import key_ring
from entrypoints.settings import Settings, SettingsInvalid

ENVIRONMENT = "self-test"
PLACE = ("self-test", "1")
PLAINTEXT = b"a known vector"
KNOWN_KEY_ID = "self-test-1"
SEALED_KEY = (
    "QVhLAQECC3NlbGYtdGVzdC0xJDY0YWQxOTM0LTBiM2QtNDY3MC1iY2M5LWYzNWJlYzAyM2JkZhWYKMC6yXaKZ9t2kjTvosWC"
    "lQgNE2GmQcSgnuKu5SOexsx72OZW5svyBqPJdOPb2gRpXW6Ri9EGxpKC7A=="
)
SEALED_TEXT = (
    "QVhWAQEBJDY0YWQxOTM0LTBiM2QtNDY3MC1iY2M5LWYzNWJlYzAyM2JkZo8ppn5g+tr33NYMTmrFLh+wyyQmVQs9RQeTgmI2"
    "yu2QqOysDkJIRPmelQ=="
)


def check_start(settings: Settings) -> None:
    """
    Check keys and schema; a database that is away is waited for later.

    Raises KeyRingInvalid or SettingsInvalid.
    """
    check_keys(key_ring(settings), settings.environment)
    probe = DatabaseProbe(settings.database_url.reveal())
    outdated = [problem for problem in probe.problems() if "schema" in problem]
    probe.close()
    if outdated:
        raise SettingsInvalid(outdated)


def check_keys(keys: KeyRing, environment: str) -> None:
    """Open the known vector, and seal and open with the key ring itself. Raises KeyRingInvalid."""
    known = EnvelopeCipher(_known_ring(), ENVIRONMENT)
    own = EnvelopeCipher(keys, environment)
    try:
        opened = known.open(b64decode(SEALED_KEY), PLACE, b64decode(SEALED_TEXT), PLACE)
        data_key = own.new_key(PLACE)
        again = own.open(data_key, PLACE, own.seal(data_key, PLACE, PLAINTEXT, PLACE), PLACE)
    except SecretUnreadable as error:
        raise KeyRingInvalid(f"the self-test of the encryption failed: {error}") from None
    if not opened == again == PLAINTEXT:
        raise KeyRingInvalid("the self-test of the encryption gave another text")


def _known_ring() -> KeyRing:
    keys = {KNOWN_KEY_ID: bytes(range(32))}
    return JsonKeyRing(primary_id=KNOWN_KEY_ID, keys=keys, signing_id="", signing=b"")
