"""A synchronous standby of a private PostgreSQL, which takes its place when it is gone."""

from pathlib import Path

import psycopg

from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.process import LocalServiceError

WAIT_FOR_IT = ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")


class Standby(PrivatePostgres):
    """A copy that follows `primary`, which from its start on answers no commit that is not here too."""

    def __init__(self, primary: PrivatePostgres) -> None:
        self._primary = primary
        super().__init__(binaries=primary._binaries)
        self._password = primary._password

    def _initialise(self, password: Path) -> None:  # noqa: ARG002 - it is the primary's
        data = str(self.folder / "data")
        copy = self._guarded("pg_basebackup", "-d", self._primary.libpq_url, "-D", data, "-R", "-c", "fast")
        if copy.wait(timeout=120) != 0:
            raise LocalServiceError(f"pg_basebackup failed:\n{self.log.read_text(errors='replace')}")

    def start(self) -> None:
        """Follow the primary; it waits for this one from now on."""
        super().start()
        with psycopg.connect(self._primary.libpq_url, autocommit=True) as primary:
            for statement in WAIT_FOR_IT:
                primary.execute(statement.encode())

    def take_over(self) -> None:
        """The primary is gone: be the primary, at its address."""
        self.stop()
        (self.folder / "data" / "standby.signal").unlink()
        self.port = self._primary.port
        self._options["synchronous_standby_names"] = ""
        super().start()
