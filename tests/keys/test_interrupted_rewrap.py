"""A rewrap that is killed, anywhere, is begun again and ends; nothing is lost on the way."""

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from contract.given import connected, live
from domain.model.tokens import Credential
from entrypoints.local.process import environment_without
from keys.conftest import ENVIRONMENT, Keys, OpenBackend

KILLED_AFTER = """
import os, signal, sys
from adapters.crypto.envelope import EnvelopeCipher
from domain.use_cases import rewrap_keys
from entrypoints.cli import main

point, after = sys.argv.pop(), int(sys.argv.pop())
rewrap_keys.BATCH = 3
seen = 0

def killed(*_):
    global seen
    seen += 1
    if seen == after:
        os.kill(os.getpid(), signal.SIGKILL)

if point == "row":
    rewrap = EnvelopeCipher.rewrap
    EnvelopeCipher.rewrap = lambda *given: (killed(), rewrap(*given))[1]
else:
    import entrypoints.cli.key_use as command
    once_over = command.rewrap_keys
    command.rewrap_keys = lambda transaction, note: once_over(transaction=transaction, note=killed)
main()
"""


@pytest.fixture
def sealed(keys: Keys, process: OpenBackend) -> list[Credential]:
    """Seven token sets under a key that is not primary any more."""
    transaction = process().transaction
    found = [
        live(transaction, connected(transaction, f"clinic-{n}", f"tenant-{n}"), str(n)) for n in range(7)
    ]
    keys.json("keys", "promote", keys.json("keys", "add")["key"])
    return found


def rewrap_killed(keys: Keys, after: int, point: str) -> None:
    environment = {
        **environment_without("ALLIE_", "DATABASE_"),
        "PYTHONPATH": ":".join(sys.path),
        "ALLIE_XERO_KEYRING_FILE": str(keys.path),
        "ALLIE_XERO_ENVIRONMENT": ENVIRONMENT,
        "DATABASE_URL": keys.database_url,
    }
    command = [sys.executable, "-c", KILLED_AFTER, "keys", "rewrap", "--json", str(after), point]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def moved(keys: Keys) -> int:
    primary = keys.document["primary"]
    found: Sequence[dict[str, object]] = keys.json("keys", "status")["sealing"]
    return next(int(str(one["token_sets"])) for one in found if one["id"] == primary)


@pytest.mark.parametrize(
    ("killed", "kept"),
    [((5, "row"), 3), ((1, "batch"), 3), ((3, "batch"), 7)],
)
def test_a_killed_rewrap_keeps_whole_batches_and_goes_on(
    keys: Keys, process: OpenBackend, sealed: list[Credential], killed: tuple[int, str], kept: int
) -> None:
    rewrap_killed(keys, *killed)
    assert moved(keys) == kept
    assert keys.json("keys", "rewrap") == {"moved": 7 - kept, "left": 0, "unreadable": 0}
    for number, one in enumerate(sealed):
        with process().transaction(one.clinic_id) as stores:
            assert stores.credentials.open(one).refresh_token.reveal() == f"refresh-{number}"
