"""Disks without room for a private PostgreSQL: for some tables, and, where root may mount, for a database."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import psycopg

from entrypoints.local.postgres import PrivatePostgres
from services.needs import leave_out

FULL = Path("/dev/full")
"""Linux: every write to it ends as on a disk that is full, with ENOSPC."""

MEGABYTES = 64


@contextmanager
def no_room_for(server: PrivatePostgres, *tables: str) -> Iterator[None]:
    """Empty tables that cannot grow. The server starts anew before and after, as it keeps files open."""
    if not FULL.is_char_device():
        leave_out(f"no {FULL}, which Linux has")
    files = [_file_of(server, table) for table in tables]
    server.stop()
    for file in files:
        assert file.stat().st_size == 0, "what a table holds cannot be read from there"
        file.rename(f"{file}.kept")
        file.symlink_to(FULL)
    server.start()
    yield
    server.stop()
    for file in files:
        Path(f"{file}.kept").replace(file)
    server.start()


def _file_of(server: PrivatePostgres, table: str) -> Path:
    with psycopg.connect(server.libpq_url) as connection:
        found = connection.execute("SELECT pg_relation_filepath(%s)", (table,)).fetchone()
    assert found is not None
    return server.folder / "data" / str(found[0])


class SmallDisk:
    """A file system that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def clear(self) -> None:
        """Make room."""
        self._ballast.unlink()


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """One in memory."""
    folder = Path(mkdtemp(prefix="allie-xero-disk-"))
    options = ["-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755"]
    try:
        mounted = subprocess.run(["mount", *options, "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            leave_out("a full disk needs root, who may mount a file system")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


@contextmanager
def database_on(disk: SmallDisk, server: PrivatePostgres) -> Iterator[str]:
    """A database that lies there, its log elsewhere; its URL."""
    place = disk.folder / "tablespace"
    place.mkdir(mode=0o700)
    shutil.chown(place, (server.folder / "data").owner())
    with psycopg.connect(server.libpq_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
        connection.execute("CREATE DATABASE small TABLESPACE small")
        yield urlsplit(server.url)._replace(path="/small").geturl()
        connection.execute("DROP DATABASE small WITH (FORCE)")
        connection.execute("DROP TABLESPACE small")
