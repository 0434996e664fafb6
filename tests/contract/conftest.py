"""Every promise of a port is tested on the fake and on the real adapter."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.generation import new_document
from adapters.crypto.keyring import JsonKeyRing
from adapters.crypto.signing import CertificateSigner
from adapters.postgres.engine import open_engine
from adapters.postgres.transaction import Storage
from contract.backends import Backend, MemoryBackend, PostgresBackend
from contract.given import connected, leased
from contract.payroll import Payroll
from domain.ports import Transaction
from services.logins import new_login


@pytest.fixture(scope="session")
def key_ring() -> JsonKeyRing:
    return JsonKeyRing.from_text(json.dumps(new_document()))


@pytest.fixture(scope="module")
def storage(module_database_url: str, key_ring: JsonKeyRing) -> Iterator[Storage]:
    engine = open_engine(module_database_url)
    cipher = EnvelopeCipher(key_ring, "test")
    yield Storage(
        engine=engine, cipher=cipher, signer=CertificateSigner(key_ring.signing_id, key_ring.signing)
    )
    engine.dispose()


@pytest.fixture(scope="module")
def logins(module_database_url: str) -> Iterator[tuple[Engine, ...] | None]:
    """A worker's, a dispatcher's and an operator's: what production grants them has to be enough."""
    with ExitStack() as stack:
        roles = ("worker", "dispatcher", "operator")
        engines = [open_engine(stack.enter_context(new_login(module_database_url, one))) for one in roles]
        for engine in engines:
            stack.callback(engine.dispose)
        yield tuple(engines)


@pytest.fixture
def postgres_backend(storage: Storage, logins: tuple[Engine, Engine, Engine] | None) -> PostgresBackend:
    backend = PostgresBackend(storage, logins)
    backend.clear()
    return backend


@pytest.fixture(params=["memory", "postgres"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "memory":
        return MemoryBackend()
    found: Backend = request.getfixturevalue("postgres_backend")
    return found


@pytest.fixture
def transaction(backend: Backend) -> Transaction:
    return backend.transaction


@pytest.fixture
def payroll(backend: Backend) -> Payroll:
    connection = connected(backend.transaction)
    leased(backend.transaction, connection)
    return Payroll(backend, connection)
