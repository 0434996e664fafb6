"""A key ring in a file, a database, and the command line over both."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from adapters.crypto.documents import change_document
from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing, write_document
from adapters.crypto.signing import LiveSigner
from adapters.crypto.sources import FileSource, LiveKeyRing
from adapters.postgres.engine import open_engine
from adapters.postgres.tables import metadata
from adapters.postgres.transaction import Storage
from contract.backends import PostgresBackend
from entrypoints.cli import app
from services.databases import libpq_url

ENVIRONMENT = "test"


@dataclass
class Keys:
    """A ring's file, and what an operator does with it."""

    path: Path
    database_url: str

    def run(self, *arguments: str, **environment: str) -> Result:
        """One command."""
        variables = {
            "ALLIE_XERO_KEYRING_FILE": str(self.path),
            "ALLIE_XERO_ENVIRONMENT": ENVIRONMENT,
            "DATABASE_URL": self.database_url,
            **environment,
        }
        return CliRunner().invoke(app, list(arguments), env=variables)

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a command that ends well prints."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.stdout)

    @property
    def document(self) -> dict[str, Any]:
        """The ring as it is in the file."""
        return dict(json.loads(self.path.read_text()))

    @property
    def ring(self) -> JsonKeyRing:
        """The ring as a process reads it."""
        return JsonKeyRing.from_file(self.path)

    def settle(self) -> None:
        """Let the time pass in which another process may not have heard of a promotion."""
        long_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        change_document(self.path, lambda document: {**document, "promoted_at": long_ago})


@pytest.fixture
def keys(tmp_path: Path, module_database_url: str) -> Keys:
    tables = ", ".join(one.fullname for one in metadata.sorted_tables)
    with psycopg.connect(libpq_url(module_database_url)) as session:
        session.execute("SET LOCAL session_replication_role = replica")  # some refuse to be emptied
        session.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    path = tmp_path / "keyring.json"
    write_document(path, new_document())
    return Keys(path, module_database_url)


OpenBackend = Callable[[], PostgresBackend]


@pytest.fixture
def process(keys: Keys) -> Iterator[OpenBackend]:
    """Make what a process of the service would have: its own view of the ring, its own connections."""
    engines = []

    def start() -> PostgresBackend:
        ring = LiveKeyRing(FileSource(keys.path))
        engine = open_engine(keys.database_url)
        engines.append(engine)
        cipher = EnvelopeCipher(ring, ENVIRONMENT)
        return PostgresBackend(Storage(engine=engine, cipher=cipher, signer=LiveSigner(lambda: ring.ring)))

    yield start
    for engine in engines:
        engine.dispose()
