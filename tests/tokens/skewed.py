"""A worker whose clock is wrong: it uses a token set whenever it is told to, and says how that went."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.model.ids import ClinicId, CredentialId
from domain.use_cases.refresh_tokens import Refresh
from services.faketime import jumping_clock, offset
from tokens.victim import application


@dataclass
class SkewedWorker:
    """The test's end of it."""

    process: subprocess.Popen[str]
    says: Path

    def set_clock(self, by: timedelta) -> None:
        """Let it live ahead of the time, or behind it, from now on."""
        self.says.write_text(offset(by))

    def use(self, clinic_id: ClinicId, credential_id: CredentialId) -> str:
        """Let it get an access token; gives the refresh's outcome."""
        return self._ask(f"{clinic_id} {credential_id}")

    def is_off_by(self) -> timedelta:
        """How wrong its clock is."""
        return datetime.fromisoformat(self._ask("time")) - datetime.now(UTC)

    def _ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def skewed_worker(environment: dict[str, str], folder: Path) -> Iterator[SkewedWorker]:
    """A process of its own with the service's environment and a clock that `set_clock` sets."""
    says = folder / "clock"
    says.write_text("+0")
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "tokens.skewed"],
        env={**os.environ, **environment, **path, **jumping_clock(says)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield SkewedWorker(process, says)


def main() -> None:
    """The worker's end: a line in, a line out."""
    answers = sys.stdout
    with redirect_stdout(sys.stderr), ExitStack() as closing:  # where the log goes
        refresh: Refresh = application(os.environ, closing).keep_alive.keywords["refresh"]
        for line in sys.stdin:
            answers.write(f"{_answer(line.split(), refresh)}\n")
            answers.flush()


def _answer(words: list[str], refresh: Refresh) -> str:
    if words == ["time"]:
        return datetime.now(UTC).isoformat()
    clinic_id, credential_id = words
    return refresh(ClinicId(clinic_id), CredentialId(int(credential_id))).outcome


if __name__ == "__main__":
    main()
