"""Processes that cannot outlive the one that started them, and loopback ports that stay free."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

GUARD = Path(__file__).with_name("guard.py")
LOOPBACK = "127.0.0.1"
NOBODY = "nobody"


class LocalServiceError(Exception):
    """A private service did not start or stop; the message says why and names its log."""


class GuardedProcess:
    """
    A running command that its guard ends when this process dies, even by SIGKILL.

    Args:
        command: the program (an absolute path) and its arguments.
        stop: the signal that asks it to end.
        folder: what the guard removes when this process dies.
        log: the file that receives the command's output.
        environment: the whole environment of the command.
        user: the account to run as; needs root. None keeps the current one.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stop: signal.Signals,
        folder: Path,
        log: Path,
        environment: Mapping[str, str],
        user: str | None = None,
    ) -> None:
        self._stop = stop
        self._command = command
        guard = [sys.executable, "-I", "-S", str(GUARD), _short(stop), str(folder), user or ""]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [*guard, *command],
                cwd="/",
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C in the terminal is for its starter, not for it
                bufsize=0,
            )
        self._lifeline = cast(IO[bytes], self._guard.stdin)

    @property
    def running(self) -> bool:
        """Whether the command still runs."""
        return self._guard.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send the command a signal; one that has ended already needs none."""
        try:
            self._lifeline.write(f"{_short(number)}\n".encode())
        except (BrokenPipeError, ValueError):  # the guard's end of the pipe, or ours, is closed
            self._guard.wait()

    def wait(self, timeout: float | None = None) -> int:
        """
        Return the command's exit code, as a shell gives it, once it has ended.

        Raises:
            LocalServiceError: it still runs after `timeout` seconds.
        """
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise LocalServiceError(f"{self._command[0]} still runs after {timeout} s") from late
        self._lifeline.close()
        return code

    def stop(self, timeout: float = 60) -> None:
        """Ask the command to end; after `timeout` seconds end it by force."""
        self.send(self._stop)
        try:
            self.wait(timeout)
        except LocalServiceError:
            self.kill()

    def kill(self) -> None:
        """End the command by SIGKILL, as a crash would."""
        self.send(signal.SIGKILL)
        self.wait()


def wait_until(ready: Callable[[], bool], *, process: GuardedProcess, log: Path, timeout: float) -> None:
    """
    Return as soon as `ready()` is true, asked every 20 ms.

    Raises:
        LocalServiceError: the process ended, or `timeout` seconds went by; with the end of its log.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        if not process.running or time.monotonic() > deadline:
            what = "is not ready in time" if process.running else "ended at its start"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise LocalServiceError(f"{log.parent.name} {what}; the end of its log:\n{tail}")
        time.sleep(0.02)


def free_port() -> int:
    """
    Return a loopback port that nothing uses.

    It lies below the range for outgoing connections (from 32768 on Linux, 49152 elsewhere): while
    a service restarts, a client that keeps trying could be given the very port it tries to reach.
    """
    while True:
        port = random.randint(15000, 32000)  # noqa: S311 - no secret
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


def environment_without(*prefixes: str) -> dict[str, str]:
    """Return this process's environment without the variables whose names begin like that."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def _short(number: signal.Signals) -> str:
    return number.name.removeprefix("SIG")
