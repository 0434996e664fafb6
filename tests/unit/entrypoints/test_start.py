"""A process whose keys are not in order does not start, and says which one, and never a key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.crypto.generation import new_document
from entrypoints.cli import main

SHORT = "c2hvcnQ="
SETTINGS = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "AMQP_URL": "amqp://nobody@127.0.0.1:1",
    "XERO_CLIENT_ID": "client",
    "XERO_CLIENT_SECRET": "secret",
}


def ring(change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    document = new_document()
    change(document)
    return json.dumps(document)


def twice() -> str:
    return ring().replace('"keys": {', '"keys": {"kek-1": "x", "kek-1": "y", ')


RINGS: dict[str, tuple[str | None, int, str]] = {
    "missing": (None, 0o600, "cannot read the key ring"),
    "for everybody to read": (ring(), 0o644, "is open to everyone; run: chmod 600"),
    "a key of the wrong length": (
        ring(lambda it: it["keys"].update({"kek-7": SHORT})),
        0o600,
        "key 'kek-7' has 5 bytes, not 32",
    ),
    "a key twice": (twice(), 0o600, "'kek-1' is in the key ring twice"),
    "no primary key": (ring(lambda it: it.update(primary="kek-9")), 0o600, "'kek-9' is not in the key ring"),
    "no JSON": ("{", 0o600, "not in its form"),
}


@pytest.mark.parametrize("command", ["worker", "dispatcher"])
@pytest.mark.parametrize(("text", "mode", "said"), RINGS.values(), ids=RINGS)
def test_a_process_with_a_bad_key_ring_does_not_start(
    command: str,
    text: str | None,
    mode: int,
    said: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "keyring.json"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    for name, value in {**SETTINGS, "ALLIE_XERO_KEYRING_FILE": str(path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["allie-xero", command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    complaint = " ".join(capsys.readouterr().err.split())
    assert said in complaint
    assert SHORT not in complaint
