"""The two sides of the contract, and what tests need beyond the ports: to move time, to look inside."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import Engine, text

from adapters.crypto.envelope import EnvelopeCipher
from adapters.crypto.keyring import JsonKeyRing
from adapters.postgres.failures import failure_of
from adapters.postgres.tables import metadata
from adapters.postgres.transaction import Storage, postgres_transaction
from deployment.ageing import REST_TRIGGERS, age
from domain.model.ids import ClinicId, ConnectionId, CredentialId, PauseId
from domain.model.pauses import Pause, Scope
from domain.ports import Transaction
from fakes.database import InMemoryDatabase
from fakes.failures import Counted
from fakes.payroll_rows import Row


class Backend(Protocol):
    """A database of either kind."""

    @property
    def transaction(self) -> Transaction: ...

    @property
    def operating(self) -> Transaction:
        """What an operator's command line does."""
        ...

    def pass_time(self, by: timedelta) -> None:
        """Let time pass by the database's clock."""
        ...

    def look_back(self, history: timedelta) -> None:
        """No further into the past does the service read."""
        ...

    def pause(self, connection_id: ConnectionId, until: timedelta) -> None:
        """An operator pauses a connection."""
        ...

    def promote(self, key_id: str) -> None:
        """A new key-encryption key seals from now on."""
        ...

    def sealed_with(self, credential_id: CredentialId) -> str:
        """Which key-encryption key a token set's data key is sealed with."""
        ...

    def lose(self, credential_id: CredentialId) -> None:
        """What is sealed of a token set becomes unreadable."""
        ...

    def audit(self) -> list[tuple[CredentialId, str]]:
        """What was done to which token set, oldest first."""
        ...

    def failures(self) -> list[Counted]:
        """What is kept of failures, oldest first."""
        ...

    def certificates(self) -> list[dict[str, Any]]:
        """The certificates' documents, oldest first."""
        ...

    def outcome(self, event_id: str) -> str | None:
        """How an inbound event ended."""
        ...

    def used(self, connection_id: ConnectionId) -> tuple[int, int]:
        """Calls and bytes of a connection."""
        ...

    def due_at(self, connection_id: ConnectionId) -> datetime | None:
        """When a connection's next slice is due."""
        ...

    def payroll(self, table: str, connection_id: ConnectionId) -> list[Row]:
        """A payroll table's rows, in the order of their keys."""
        ...


def pause_clinic(transaction: Transaction, clinic: str, until: timedelta) -> None:
    """An operator lets a clinic rest."""
    with transaction(None) as stores:
        stores.pauses.add(
            Pause(
                id=PauseId(0),
                scope=Scope(clinic_id=ClinicId(clinic)),
                until=stores.now + until,
                operator="olga",
                reason="T-1",
                created_at=stores.now,
            )
        )


@dataclass
class MemoryBackend:
    """The fakes."""

    database: InMemoryDatabase = field(default_factory=InMemoryDatabase)

    @property
    def transaction(self) -> Transaction:
        return self.database.transaction

    @property
    def operating(self) -> Transaction:
        return self.database.transaction

    def pass_time(self, by: timedelta) -> None:
        self.database.pass_time(by)

    def look_back(self, history: timedelta) -> None:
        self.database.payroll.history = history

    def pause(self, connection_id: ConnectionId, until: timedelta) -> None:
        clinic = self.database.connections.rows[connection_id].clinic_id
        pause_clinic(self.operating, clinic, until)

    def promote(self, key_id: str) -> None:
        self.database.credentials.primary = key_id

    def sealed_with(self, credential_id: CredentialId) -> str:
        return self.database.credentials.sealed_with[credential_id]

    def lose(self, credential_id: CredentialId) -> None:
        self.database.credentials.unreadable.append(credential_id)

    def audit(self) -> list[tuple[CredentialId, str]]:
        return self.database.credentials.audit

    def failures(self) -> list[Counted]:
        return self.database.failures.kept

    def certificates(self) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(one, str_keys=True) for one in self.database.certificates.issued]

    def outcome(self, event_id: str) -> str | None:
        rows = self.database.inbox.rows.items()
        return next((seen.outcome for (_, one), seen in rows if one == event_id), None)

    def used(self, connection_id: ConnectionId) -> tuple[int, int]:
        return self.database.syncs.used[connection_id]

    def due_at(self, connection_id: ConnectionId) -> datetime | None:
        return self.database.syncs.states[connection_id].due_at

    def payroll(self, table: str, connection_id: ConnectionId) -> list[Row]:
        return [row for _, row in sorted(self.database.payroll.payroll.of(table, connection_id).items())]


@dataclass
class PostgresBackend:
    """
    The real thing; time passes by making every instant that our clock made older.

    `logins` are what a worker, a dispatcher and an operator connect with, so that they have no more rights
    than in production; without them everything is done by whoever `storage` connects as.
    """

    storage: Storage
    logins: tuple[Engine, Engine, Engine] | None = None

    @property
    def engine(self) -> Engine:
        return self.storage.engine

    @property
    def transaction(self) -> Transaction:
        if self.logins is None:
            return postgres_transaction(self.storage)
        worker, dispatcher, _ = (
            postgres_transaction(replace(self.storage, engine=one)) for one in self.logins
        )
        return lambda clinic_id: (dispatcher if clinic_id is None else worker)(clinic_id)

    @property
    def operating(self) -> Transaction:
        engine = self.engine if self.logins is None else self.logins[2]
        return postgres_transaction(replace(self.storage, engine=engine))

    def pass_time(self, by: timedelta) -> None:
        with self.engine.begin() as session:
            age(session, by)

    def look_back(self, history: timedelta) -> None:
        self.storage = replace(self.storage, history=history)

    def pause(self, connection_id: ConnectionId, until: timedelta) -> None:
        query = "SELECT clinic_id FROM allie_xero.connection WHERE id = :id"
        pause_clinic(self.operating, self.ask(query, id=connection_id)[0]["clinic_id"], until)

    def promote(self, key_id: str) -> None:
        cipher = self.storage.cipher
        assert isinstance(cipher, EnvelopeCipher)
        assert isinstance(cipher._keys, JsonKeyRing)
        keys = {**cipher._keys.keys, key_id: os.urandom(32)}
        promoted = EnvelopeCipher(replace(cipher._keys, primary_id=key_id, keys=keys), cipher._environment)
        self.storage = replace(self.storage, cipher=promoted)

    def sealed_with(self, credential_id: CredentialId) -> str:
        query = "SELECT kek_id FROM allie_xero.credential WHERE id = :id"
        return str(self.ask(query, id=credential_id)[0]["kek_id"])

    def lose(self, credential_id: CredentialId) -> None:
        self.execute("UPDATE allie_xero.credential SET tenant_id = 'moved' WHERE id = :id", id=credential_id)

    def audit(self) -> list[tuple[CredentialId, str]]:
        rows = self.ask("SELECT credential_id, action FROM allie_xero.credential_audit ORDER BY id")
        return [(CredentialId(row["credential_id"]), row["action"]) for row in rows]

    def failures(self) -> list[Counted]:
        rows = self.ask("SELECT * FROM allie_xero.failure ORDER BY id")
        return [Counted(failure_of(dict(row)), row["attempts"]) for row in rows]

    def certificates(self) -> list[dict[str, Any]]:
        rows = self.ask("SELECT document FROM allie_xero.certificate ORDER BY id")
        return [row["document"] for row in rows]

    def outcome(self, event_id: str) -> str | None:
        rows = self.ask("SELECT outcome FROM allie_xero.inbox WHERE event_id = :id", id=event_id)
        return next((row["outcome"] for row in rows), None)

    def used(self, connection_id: ConnectionId) -> tuple[int, int]:
        found = self.ask("SELECT * FROM allie_xero.usage WHERE connection_id = :id", id=connection_id)
        return sum(row["calls"] for row in found), sum(row["wire_bytes"] for row in found)

    def due_at(self, connection_id: ConnectionId) -> datetime | None:
        query = "SELECT due_at FROM allie_xero.sync_state WHERE connection_id = :id"
        due_at: datetime | None = self.ask(query, id=connection_id)[0]["due_at"]
        return due_at

    def payroll(self, table: str, connection_id: ConnectionId) -> list[Row]:
        columns = metadata.tables[f"allie_xero.{table}"].primary_key.columns
        order = ", ".join(one.name for one in columns)
        query = f"SELECT * FROM allie_xero.{table} WHERE connection_id = :id ORDER BY {order}"
        return [_row(row) for row in self.ask(query, id=connection_id)]

    def ask(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        """Rows of any question."""
        with self.engine.begin() as session:
            return [dict(row) for row in session.execute(text(query), values).mappings()]

    def execute(self, statement: str, **values: object) -> None:
        """Any statement."""
        with self.engine.begin() as session:
            session.execute(text(statement), values)

    def clear(self) -> None:
        """Forget all rows."""
        with self.engine.begin() as session:
            session.execute(REST_TRIGGERS)
            for table in reversed(metadata.sorted_tables):
                session.execute(table.delete())


def _row(row: Mapping[str, Any]) -> Row:
    stamps = ("changed_at", "deleted_at", "stale", "set_aside_at")
    left_out = {*stamps, "connection_id", "clinic_id", "first_seen_at"}
    values = {name: value for name, value in row.items() if name not in left_out}
    return Row(values=values, **{name: row[name] for name in stamps if name in row})
