"""Workers and dispatchers as real processes, with the environment that production would give them."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from adapters.crypto.generation import new_document
from adapters.crypto.keyring import write_document
from entrypoints.local.process import GuardedProcess, environment_without
from simulator.client import CLIENT_ID, CLIENT_SECRET

T = TypeVar("T")

PATIENCE_S = 90.0
LEASE_SECONDS = 3
WITHHELD = {"dispatcher": {"XERO_CLIENT_ID": "", "XERO_CLIENT_SECRET": ""}}
"""What a process does without, as in ops/kubernetes."""


def until(condition: Callable[[], T], what: str, *, patience: float = PATIENCE_S) -> T:
    """Wait for `condition` to give something true; how long a busy machine takes is no failure."""
    deadline = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {patience:.0f} s")
        time.sleep(0.05)
    return result


@dataclass
class Deployment:
    """One installation of the service: its settings, those of single commands, and what runs."""

    folder: Path
    environment: dict[str, str]
    only: dict[str, dict[str, str]] = field(default_factory=dict)
    running: list[GuardedProcess] = field(default_factory=list)

    @property
    def logs(self) -> str:
        """Everything that every process has said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def start_worker(self, name: str = "worker") -> GuardedProcess:
        """A worker, ready to consume."""
        return self._start(name)

    def start_mortal_worker(self, name: str = "worker") -> GuardedProcess:
        """A worker that certain events kill; see `deployment.mortal`."""
        return self._start(name, program="deployment.mortal")

    def start_dispatcher(self, name: str = "dispatcher") -> GuardedProcess:
        """A dispatcher."""
        return self._start(name, command="dispatcher")

    def _start(self, name: str, command: str = "worker", program: str = "entrypoints.cli") -> GuardedProcess:
        log = self.folder / f"{name}.log"
        said = log.stat().st_size if log.exists() else 0
        process = GuardedProcess(
            [sys.executable, "-m", program, command],
            stop=signal.SIGTERM,
            folder=self.folder / "nothing",
            log=log,
            environment={**self.environment, **WITHHELD.get(command, {}), **self.only.get(command, {})},
        )
        self.running.append(process)
        until(lambda: f"{command} ready" in log.read_text()[said:], f"the {name}")
        return process

    def kill(self, process: GuardedProcess) -> None:
        """SIGKILL to a process and to everything it has started, as the end of a machine would."""
        for pid in pids_of(process):
            os.kill(pid, signal.SIGKILL)
        process.wait(10)
        self.running.remove(process)

    def stop(self, process: GuardedProcess) -> None:
        """SIGTERM, and wait."""
        process.stop()
        self.running.remove(process)

    def address_of(self, name: str) -> str:
        """Where the newest process of that name serves its metrics and probes."""
        lines = [line for line in (self.folder / f"{name}.log").read_text().splitlines() if "address" in line]
        return str(json.loads(lines[-1])["address"])

    def problems(self, name: str) -> str:
        """What keeps the newest process of that name from being ready; nothing if it is."""
        try:
            with urlopen(f"{self.address_of(name)}/ready"):
                return ""
        except HTTPError as refusal:
            return str(refusal.read().decode())

    def scrape(self, name: str) -> str:
        """The metrics of the newest process of that name."""
        with urlopen(f"{self.address_of(name)}/metrics") as answer:
            return str(answer.read().decode())


def pids_of(process: GuardedProcess) -> list[int]:
    """The command's own processes, without its guard."""
    guard = psutil.Process(process._guard.pid)
    return [child.pid for child in guard.children(recursive=True)]


@contextmanager
def deployed(
    folder: Path, database_url: str, amqp_url: str, xero_url: str, **more: str
) -> Iterator[Deployment]:
    """An installation with a key ring of its own; whatever still runs in the end is stopped."""
    keyring = folder / "keyring.json"
    write_document(keyring, new_document())
    environment = {
        **environment_without("PG", "XERO_", "ALLIE_", "DATABASE_", "AMQP_"),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ALLIE_XERO_ENVIRONMENT": "test",
        "ALLIE_XERO_KEYRING_FILE": str(keyring),
        "ALLIE_XERO_METRICS_PORT": "0",
        "ALLIE_XERO_THREADS": "4",
        "ALLIE_XERO_LEASE_SECONDS": str(LEASE_SECONDS),
        "DATABASE_URL": database_url,
        "AMQP_URL": amqp_url,
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "XERO_IDENTITY_URL": xero_url,
        "XERO_API_URL": xero_url,
        **more,
    }
    deployment = Deployment(folder, environment)
    try:
        yield deployment
    finally:
        for process in deployment.running:
            process.stop(40)
