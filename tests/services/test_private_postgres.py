from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from entrypoints.local.postgres import PrivatePostgres, find_binaries
from entrypoints.local.process import LocalServiceError
from services.leftovers import (
    Place,
    copied_place,
    folder_after_its_starter_is_killed,
    is_gone,
    ordinary_place,
    processes_of,
)
from services.needs import leave_out


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    if find_binaries() is None:
        leave_out("no PostgreSQL binaries on this machine")
    with PrivatePostgres(options={"work_mem": "7MB"}) as server:
        yield server


def query(server: PrivatePostgres, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.libpq_url) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def test_it_listens_on_loopback_only(server: PrivatePostgres) -> None:
    listening = [
        connection.laddr.ip
        for process in processes_of(server.folder)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_it_refuses_a_wrong_password(server: PrivatePostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.libpq_url, password="guess")


def test_it_takes_options_and_says_what_it_is(server: PrivatePostgres) -> None:
    assert query(server, "SHOW work_mem") == [("7MB",)]
    assert query(server, "SHOW fsync") == [("on",)]
    assert server.description.startswith("private PostgreSQL 1")


def test_its_password_is_in_no_file(server: PrivatePostgres) -> None:
    password = server.url.split(":")[2].split("@")[0]
    files = [path for path in server.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if password.encode() in path.read_bytes()]


def test_data_and_address_survive_a_restart_and_a_crash(server: PrivatePostgres) -> None:
    query(server, "CREATE TABLE kept AS SELECT 1 AS number")
    server.restart()
    query(server, "INSERT INTO kept VALUES (2)")
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        query(server, "SELECT")
    server.start()
    assert query(server, "SELECT number FROM kept ORDER BY number") == [(1,), (2,)]


def test_closing_leaves_nothing_behind() -> None:
    with PrivatePostgres() as server:
        assert processes_of(server.folder)
    assert is_gone(server.folder)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_behind() -> None:
    server = PrivatePostgres(options={"shared_buffers": "none"})
    with pytest.raises(LocalServiceError, match="invalid value for parameter"):
        server.open()
    assert is_gone(server.folder)


def test_killing_its_starter_leaves_nothing_behind() -> None:
    assert is_gone(folder_after_its_starter_is_killed("PrivatePostgres", Place()))


def test_an_ordinary_user_can_run_it() -> None:
    with ordinary_place() as place:
        assert is_gone(folder_after_its_starter_is_killed("PrivatePostgres", place))


def test_it_runs_on_binaries_in_a_folder_that_others_cannot_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert is_gone(folder_after_its_starter_is_killed("PrivatePostgres", copied_place(tmp_path)))
