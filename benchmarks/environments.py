"""Environments of their own for what must not share ours; kept in `.tools`, made again when this changes."""

import subprocess
import sys
from pathlib import Path

from benchmarks.report import ROOT

FOLDER = ROOT / ".tools" / "bench"


def python_with(name: str, *requirements: str) -> Path:
    """The Python of an environment that has these packages, from the index that pip is set up for."""
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "made-from"
    wanted = "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making an environment with {', '.join(requirements)} …", file=sys.stderr, flush=True)
        # Debian keeps ensurepip in a package of its own; our own pip installs into any environment.
        _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder))
        _run(sys.executable, "-m", "pip", "--python", str(python), "install", "-q", *requirements)
        stamp.write_text(wanted)
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
