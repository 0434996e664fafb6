"""A private Prometheus: from the binaries on this machine, or from Debian's package, merely unpacked."""

import json
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from entrypoints.local.process import (
    LOOPBACK,
    GuardedProcess,
    LocalServiceError,
    environment_without,
    free_port,
    wait_until,
)
from entrypoints.local.service import PrivateService

PACKAGE: Final = "prometheus"


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where Prometheus and its `promtool` are."""

    prometheus: Path
    promtool: Path


def find_binaries(unpacked: Path) -> Binaries | None:
    """Return those on the PATH, or those in `unpacked`, where Debian's package is put if it can be had."""
    found = [shutil.which(name) for name in ("prometheus", "promtool")]
    if found[0] and found[1]:
        return Binaries(Path(found[0]), Path(found[1]))
    programs = unpacked / "usr" / "bin"
    if not (programs / "promtool").exists() and not _unpack(unpacked):
        return None
    return Binaries(programs / "prometheus", programs / "promtool")


def _unpack(folder: Path) -> bool:
    """Download and unpack the package, as any user; whether it is there now."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as name:
        here = Path(name)
        here.chmod(0o755)  # apt downloads as a user of its own
        subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=here, capture_output=True, check=False)
        for package in here.glob(f"{PACKAGE}_*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, here / "all"], capture_output=True, check=False)
        if (here / "all").exists() and not folder.exists():
            with suppress(OSError):  # somebody was quicker
                (here / "all").rename(folder)
    return folder.exists()


class PrivatePrometheus(PrivateService):
    """
    A Prometheus on loopback that scrapes and evaluates every second.

    Args:
        binaries: what `find_binaries` gave.
        targets: addresses (`host:port`) by the name of their job.
        rules: files of rules.
    """

    def __init__(self, binaries: Binaries, *, targets: dict[str, list[str]], rules: list[Path]) -> None:
        super().__init__("prometheus")
        self._binaries = binaries
        self._port = free_port()
        self._config = self.folder / "prometheus.yml"
        self._config.write_text(
            json.dumps(  # JSON is YAML
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(path) for path in rules],
                    "scrape_configs": [
                        {"job_name": job, "static_configs": [{"targets": where}]}
                        for job, where in targets.items()
                    ],
                }
            )
        )
        self.description = f"private Prometheus on port {self._port}"

    @property
    def url(self) -> str:
        """Where it answers queries."""
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = GuardedProcess(
            [
                str(self._binaries.prometheus),
                f"--config.file={self._config}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={LOOPBACK}:{self._port}",
            ],
            stop=signal.SIGTERM,
            folder=self.folder,
            log=self.log,
            environment=environment_without(),
        )
        wait_until(self._is_ready, process=self._process, log=self.log, timeout=30)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310 - a server of our own
                return bool(answer.status == 200)  # noqa: PLR2004
        except (URLError, OSError):
            return False


def run_promtool(binaries: Binaries, *arguments: str | Path, stdin: str | None = None) -> str:
    """
    Run `promtool` and return what it prints.

    Raises:
        LocalServiceError: it refuses; the message holds what it said.
    """
    done = subprocess.run(
        [binaries.promtool, *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalServiceError(f"promtool {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout
