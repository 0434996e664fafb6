"""
Run one command, and end it when whoever asked for it is gone.

Standard input is the lifeline. A line names a signal to pass on (`INT`, `KILL`, …). Its end means
that the starter is gone, however it went: the command is stopped and its folder removed. A pipe
does that on every POSIX system, also after SIGKILL, without a `preexec_fn` (unsafe among threads).

Usage: guard.py STOP_SIGNAL FOLDER USER COMMAND [ARGUMENT ...] (an empty USER keeps the current one)
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

GRACE = 20  # seconds between the polite signal and SIGKILL


class Guard:
    """One command, its lifeline, and the folder that goes with it."""

    def __init__(self, stop: str, folder: str, user: str, command: Sequence[str]) -> None:
        self.stop = signal.Signals[f"SIG{stop}"]
        self.folder = folder
        self.orphaned = threading.Event()
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )

    def run(self) -> int:
        """Wait for the command and return its exit code, as a shell would give it."""
        signal.signal(signal.SIGTERM, lambda *_: self.send(self.stop))
        threading.Thread(target=self.listen, daemon=True).start()
        code = self.child.wait()
        if self.orphaned.is_set():
            shutil.rmtree(self.folder, ignore_errors=True)
        return code if code >= 0 else 128 - code

    def listen(self) -> None:
        """Pass signals on until the lifeline ends, then end the command."""
        for line in sys.stdin:
            self.send(signal.Signals[f"SIG{line.strip()}"])
        self.orphaned.set()
        self.send(self.stop)
        try:
            self.child.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Signal the command; SIGKILL, which it cannot pass on, also what it has started."""
        if number is not signal.SIGKILL:
            self.child.send_signal(number)
            return
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(self.child.pid, number)


if __name__ == "__main__":
    stop, folder, user, *command = sys.argv[1:]
    sys.exit(Guard(stop, folder, user, command).run())
