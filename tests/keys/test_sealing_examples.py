"""The examples of handing over a token set, run as they are, against the service."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.crypto.generation import new_document, new_receiving_key, public_half
from deployment.service import in_process
from keys.conftest import Keys
from services.node import node_project
from simulator.server import Running, running

EXAMPLES = Path(__file__).parents[2] / "examples" / "sealed-token-set"


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


@pytest.fixture(params=["python", "node"])
def program(request: pytest.FixtureRequest) -> list[str]:
    """One language's program, as a command."""
    if request.param == "python":
        return [sys.executable, str(EXAMPLES / "python" / "seal.py")]
    return ["node", str(node_project(EXAMPLES / "node") / "seal.mjs")]


def sender() -> dict[str, Any]:
    return {name: value for name, value in new_receiving_key().items() if name != "use"}


def sealed(program: list[str], obtained: dict[str, Any], *files: Path) -> dict[str, str]:
    """What the program prints."""
    command = [*program, *map(str, files)]
    done = subprocess.run(command, input=json.dumps(obtained), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_what_the_example_seals_connects_a_clinic(
    program: list[str], is_signed: bool, xero: Running, keys: Keys, tmp_path: Path
) -> None:
    ours = sender()
    document = {**new_document(), **({"senders": [public_half(ours)]} if is_signed else {})}
    keys.path.write_text(json.dumps(document))
    public, private = tmp_path / "public.json", tmp_path / "sender.json"
    public.write_text(keys.run("keys", "public").stdout)
    private.write_text(json.dumps(ours))
    organisation = xero.control.create_exact_organisation(staff=1, runs=1)
    obtained = {"clinic_id": "clinic-1", "token_set": xero.control.token_set(organisation)}

    grant = sealed(program, obtained, public, *([private] if is_signed else []))

    ring = json.dumps(document)
    with in_process(keys.database_url, xero.url, ALLIE_XERO_KEYRING=ring) as service:
        if is_signed:
            unsigned = sealed(program, obtained, public)
            assert service.publish("connect-completed", grant=unsigned) != "active"
        assert service.publish("connect-completed", grant=grant) == "active"
