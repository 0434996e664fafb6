"""Programs for Node.js with their packages, installed once for each lock."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.needs import leave_out

CACHE = Path(__file__).parents[2] / ".state" / "node"
NO_NODE = "no Node.js: install nodejs and npm"
NO_PACKAGES = "npm cannot install the packages of {}: no registry that it can reach?"


def node_project(folder: Path) -> Path:
    """A copy of a folder with `package.json`, its lock and its programs, ready to run."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        leave_out(NO_NODE)
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()[:16]
    ready = CACHE / f"{folder.name}-{digest}"
    with _alone(ready):
        if not (ready / "node_modules" / ".package-lock.json").exists():
            _install(npm, folder, ready)
        shutil.copytree(folder, ready, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    return ready


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other process install there meanwhile: npm begins by removing what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(npm: str, folder: Path, ready: Path) -> None:
    """Install what the lock names; its packages' own scripts are not run."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, ready)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=ready, capture_output=True, check=False).returncode != 0:
        leave_out(NO_PACKAGES.format(folder.name))
