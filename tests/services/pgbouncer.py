"""A private PgBouncer in transaction mode: all its clients share one connection to PostgreSQL."""

import os
import shutil
import signal
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from entrypoints.local import debian
from entrypoints.local.process import (
    LOOPBACK,
    NOBODY,
    GuardedProcess,
    environment_without,
    free_port,
    wait_until,
)
from entrypoints.local.service import PrivateService

PACKAGE = "pgbouncer"
SETTINGS = """
[databases]
{database} = host={host} port={port} user={user} password='{password}'

[pgbouncer]
listen_addr = {loopback}
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
"""


def find_pgbouncer() -> Path | None:
    """Its program, where Debian puts it; installed if this is root on Debian."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which(PACKAGE, path=folders)
    if found is None and debian.can_install():
        debian.install(PACKAGE)
        found = shutil.which(PACKAGE, path=folders)
    return Path(found) if found else None


class PrivatePgbouncer(PrivateService):
    """Passes everybody on as the user that `database_url` names."""

    def __init__(self, program: Path, database_url: str) -> None:
        super().__init__(PACKAGE)
        self._program = program
        self._port = free_port()
        self._parts = urlsplit(database_url)
        self._settings = self.folder / "pgbouncer.ini"
        self._settings.write_text(
            SETTINGS.format(
                database=self._parts.path.removeprefix("/"),
                host=self._parts.hostname,
                port=self._parts.port or 5432,
                user=self._parts.username,
                password=unquote(self._parts.password or ""),
                loopback=LOOPBACK,
                own_port=self._port,
            )
        )
        self.description = f"private PgBouncer on port {self._port}"

    @property
    def url(self) -> str:
        """The same database, through the pooler."""
        return self._parts._replace(netloc=f"{self._parts.username}@{LOOPBACK}:{self._port}").geturl()

    def start(self) -> None:
        """Start it, as somebody else if this is root: it refuses to be root."""
        is_root = os.geteuid() == 0
        if is_root:
            shutil.chown(self._settings, NOBODY)
            self.folder.chmod(0o711)
        self._process = GuardedProcess(
            [str(self._program), str(self._settings)],
            stop=signal.SIGINT,
            folder=self.folder,
            log=self.log,
            environment=environment_without(),
            user=NOBODY if is_root else None,
        )
        wait_until(self._answers, process=self._process, log=self.log, timeout=30)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self._port), timeout=1):
                return True
        except OSError:
            return False
