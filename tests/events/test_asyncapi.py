"""AsyncAPI's own parser, the one inside its command line, accepts the published document."""

import json
import subprocess
from pathlib import Path

import pytest

from events.judge import PUBLISHED
from services.node import node_project

VALIDATE = Path(__file__).parent / "asyncapi"


@pytest.fixture(scope="module")
def validator() -> Path:
    return node_project(VALIDATE)


def verdict(validator: Path, document: Path) -> tuple[int, str]:
    command = ["node", "validate.mjs", str(document)]
    done = subprocess.run(command, cwd=validator, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_document_is_valid_asyncapi_3(validator: Path) -> None:
    assert verdict(validator, PUBLISHED / "asyncapi.json") == (0, "3.0.0: 7 operations\n")


def test_a_document_that_is_not_valid_is_refused(validator: Path, tmp_path: Path) -> None:
    broken = json.loads((PUBLISHED / "asyncapi.json").read_text())
    broken["channels"]["disconnect.v1"]["address"] = 7
    broken["components"]["messages"]["disconnect.v1"]["examples"][0]["payload"]["data"] = "nothing"
    path = tmp_path / "asyncapi.json"
    path.write_text(json.dumps(broken))
    code, said = verdict(validator, path)
    assert code == 1
    assert "channels.disconnect.v1.address" in said
