import signal
import sys
from pathlib import Path

import psutil

from deployment.processes import pids_of, until
from entrypoints.local.process import GuardedProcess

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print("deaf", flush=True)
time.sleep(600)
"""


def test_what_does_not_stop_is_killed_with_all_it_has_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = GuardedProcess(
        [sys.executable, "-c", STUBBORN, STUBBORN],
        stop=signal.SIGTERM,
        folder=tmp_path / "nothing",
        log=log,
        environment={},
    )
    until(lambda: log.read_text().count("deaf") == 2, "two that do not listen")
    pids = pids_of(process)
    assert len(pids) == 2
    process.stop(0.2)
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "their end")
