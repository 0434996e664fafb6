"""The demo that is kept is a whole service: commands work on it, and it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.clinic import rows, value
from deployment.processes import until

DEMO = [sys.executable, "-m", "entrypoints.demo", "--keep"]
REPLAY = (
    "INSERT INTO allie_xero.replay (state, wanted, operator, reason, is_canary, created_at)"
    " VALUES ('running', '{}', 'olga', 'T-7', false, now()) RETURNING id"
)


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[Path]:
    """The file of variables that a demo which is left running has written."""
    folder, output = tmp_path / "tmp", tmp_path / "output"
    folder.mkdir()
    given = {"DATABASE_URL": database_url, "AMQP_URL": "", "TMPDIR": str(folder)}
    with (
        output.open("w") as out,
        subprocess.Popen(DEMO, stdout=out, env={**os.environ, **given}) as demo,
    ):
        [found] = until(lambda: re.findall(r"^  \. (\S+)", output.read_text(), re.MULTILINE), "the demo")
        yield Path(found)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 0
    assert list(folder.iterdir()) == []


def said(variables: Path, *words: str) -> str:
    """What a command prints with the demo's variables, as in another terminal."""
    command = f'. "{variables}"; exec "{sys.executable}" -m entrypoints.cli "$@"'
    done = subprocess.run(["sh", "-c", command, "sh", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_demo_that_is_kept_works_replays_and_shows_its_keys(kept: Path, database_url: str) -> None:
    number = value(database_url, REPLAY)
    doctor = said(kept, "doctor")
    assert "the ring opens and seals" in doctor
    assert "answers, and its clock agrees" in doctor
    state = "SELECT 1 FROM allie_xero.replay WHERE id = %s AND state = 'finished'"
    until(lambda: rows(database_url, state, number), "the replay's end")
