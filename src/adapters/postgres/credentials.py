"""Token sets in PostgreSQL: ciphertext only, and a trace of whoever opened it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, Select, Update, func, insert, select, text, update

from adapters.postgres.credential_rows import COLUMNS, WRAPPED, binding_of, credential_of, state_of
from adapters.postgres.sealing import Binding, SealedRow, TokenCipher, opened, sealed
from adapters.postgres.tables import credential as table
from adapters.postgres.tables import credential_audit
from domain.errors import Fenced, SecretUnreadable
from domain.model.connection import Connection
from domain.model.consent import Consent, ConsentUse
from domain.model.ids import ConnectionId, CredentialId, XeroConnectionId, XeroUserId
from domain.model.rewrapping import Rewrapped
from domain.model.tokens import Credential, CredentialState, HeldTokens

OPEN = text("SELECT * FROM allie_xero.open_credential(:id)")

CONSENTS_OF = text("SELECT * FROM allie_xero.consents_of(:user_id) WHERE credential_id <> :but")

NOTHING_LEFT = dict.fromkeys(("data_key", "sealed_tokens", "sealed_previous", "user_name", "user_email"))


class PostgresCredentialRepository:
    """See `domain.ports.CredentialRepository`."""

    def __init__(self, session: Session, cipher: TokenCipher, now: datetime) -> None:
        self._session = session
        self._cipher = cipher
        self._now = now
        self.unreadable: Credential | None = None
        """What could not be opened: noted after the transaction that failed for it."""

    def hold(self, connection: Connection, consent: Consent) -> Credential:
        """Keep a fresh consent's tokens as pending."""
        row = self._session.execute(
            insert(table).values(self._row_of(connection, consent)).returning(*COLUMNS)
        )
        credential = credential_of(row.mappings().one())
        self._seal(credential, HeldTokens.of(consent.tokens))
        return credential

    def _row_of(self, connection: Connection, consent: Consent) -> Mapping[str, object]:
        return {
            "connection_id": connection.id,
            "clinic_id": connection.clinic_id,
            "generation": connection.generation,
            "state": CredentialState.PENDING,
            "consent_event": consent.consent_event,
            "user_id": consent.user_id,
            "user_name": consent.user_name,
            "user_email": consent.user_email,
            "scopes": sorted(consent.tokens.scopes),
            "access_expires_at": self._now + consent.tokens.life,
            "obtained_at": self._now,
        }

    def pending(self, connection_id: ConnectionId) -> Credential | None:
        """The consent that is being checked, locked."""
        return self._one(_of(connection_id, CredentialState.PENDING).with_for_update())

    def live(self, connection_id: ConnectionId) -> Credential | None:
        """The token set in use."""
        return self._one(_of(connection_id, CredentialState.LIVE))

    def live_for_update(self, connection_id: ConnectionId) -> Credential | None:
        """The token set in use, locked."""
        return self._one(_of(connection_id, CredentialState.LIVE).with_for_update())

    def get_for_update(self, credential_id: CredentialId) -> Credential | None:
        """A token set that has not been shredded, locked."""
        is_there = table.c.state != CredentialState.SHREDDED
        return self._one(select(*COLUMNS).where(table.c.id == credential_id, is_there).with_for_update())

    def to_revoke(self, connection_id: ConnectionId) -> Sequence[Credential]:
        """Token sets that Xero has yet to be told to forget, locked."""
        query = _of(connection_id, CredentialState.REVOCATION_PENDING).with_for_update()
        return [credential_of(row) for row in self._session.execute(query).mappings()]

    def open(self, credential: Credential) -> HeldTokens:
        """The tokens themselves; every opening is noted in the audit."""
        row = self._session.execute(OPEN, {"id": credential.id}).one_or_none()
        if row is None:
            raise Fenced("the token set has been destroyed")
        binding = Binding(
            tenant_id=row.tenant_id,
            connection_id=row.connection_id,
            generation=row.generation,
            credential_id=credential.id,
            version=row.version,
        )
        if binding != Binding.of(credential):
            raise Fenced("the token set has changed since it was read")
        sealed_row = SealedRow(
            data_key=row.data_key, sealed_tokens=row.sealed_tokens, sealed_previous=row.sealed_previous
        )
        try:
            return opened(self._cipher, binding, sealed_row)
        except SecretUnreadable:
            self.unreadable = credential
            raise

    def activate(self, credential: Credential, connection: Connection) -> None:
        """Make the pending token set the live one under the connection's generation."""
        assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
        tokens = self.open(credential)
        moved = {
            "connection_id": connection.id,
            "generation": connection.generation,
            "state": CredentialState.LIVE,
            "consent_event": credential.consent_event,
            "tenant_id": connection.tenant.id,
            "xero_connection_id": connection.tenant.xero_connection_id,
        }
        changed = _change(credential.id).values(moved).returning(*COLUMNS)
        row = self._session.execute(changed).mappings().one()
        self._seal(credential_of(row), tokens)

    def save(self, credential: Credential, *, seen: Credential, tokens: HeldTokens | None = None) -> None:
        """Keep a change, with its tokens if it is a rotation, if nothing happened since `seen` (T3)."""
        values = state_of(credential)
        if tokens is not None:
            values |= self._sealed(credential, tokens)
        statement = (
            _change(credential.id)
            .where(table.c.version == seen.version, table.c.lease_epoch == seen.lease_epoch)
            .where(table.c.state != CredentialState.SHREDDED)
            .values(values)
        )
        if self._session.execute(statement).rowcount != 1:
            raise Fenced("the token set has changed since it was read")

    def doubt(self, credential: Credential) -> None:
        """Somebody has presented its tokens out of turn: note that, and have it tried soon."""
        self.save(credential.doubted(self._now), seen=credential)
        self.note(credential, "fenced")

    def retire(self, credential: Credential, revoke_by: datetime) -> None:
        """The token set is for telling Xero to forget it, and for nothing else."""
        state = CredentialState.REVOCATION_PENDING
        values = {"state": state, "revoke_by": revoke_by, "cooldown_until": None}
        self._session.execute(_change(credential.id).values(values))

    def shred(self, credential: Credential) -> str:
        """Destroy the data key and the ciphertext; give the id of the destroyed key."""
        values = {"state": CredentialState.SHREDDED, "shredded_at": func.now(), **NOTHING_LEFT}
        statement = _change(credential.id).values(values).returning(table.c.key_id)
        key_id = str(self._session.execute(statement).scalar_one())
        self.note(credential, "shredded")
        return key_id

    def consents_of(self, user_id: XeroUserId, but: CredentialId) -> Sequence[ConsentUse]:
        """What this Xero user's other consents are used for, whichever clinic's they are."""
        rows = self._session.execute(CONSENTS_OF, {"user_id": user_id, "but": but})
        return [
            ConsentUse(
                state=CredentialState(row.state),
                link=XeroConnectionId(row.xero_connection_id) if row.xero_connection_id else None,
                consent_event=row.consent_event,
            )
            for row in rows
        ]

    def rewrap(self, after: CredentialId, limit: int) -> Rewrapped:
        """Move data keys to the primary key, in the order of their rows' ids."""
        old = (table.c.data_key.is_not(None), table.c.kek_id != self._cipher.primary_id, table.c.id > after)
        query = select(*WRAPPED).where(*old).order_by(table.c.id).limit(limit)
        rows = self._session.execute(query.with_for_update(skip_locked=True)).mappings().all()
        moved = sum(self._rewrap(row) for row in rows)
        return Rewrapped(
            moved=moved,
            unreadable=len(rows) - moved,
            last=CredentialId(rows[-1]["id"]) if rows else None,
        )

    def _rewrap(self, row: RowMapping) -> bool:
        """Whether a row's data key could be moved."""
        try:
            data_key = self._cipher.rewrap(row["data_key"], binding_of(row).place("data_key"))
        except SecretUnreadable:
            self._note(row["clinic_id"], row["id"], row["version"], "unreadable")
            return False
        values = {"data_key": data_key, "kek_id": self._cipher.kek_id(data_key)}
        self._session.execute(_change(row["id"]).values(values))
        self._note(row["clinic_id"], row["id"], row["version"], "rewrapped")
        return True

    def note(self, credential: Credential, action: str) -> None:
        """Add to the audit what was done to a token set."""
        self._note(credential.clinic_id, credential.id, credential.version, action)

    def _note(self, clinic_id: str, credential_id: int, version: int, action: str) -> None:
        values = {
            "clinic_id": clinic_id,
            "credential_id": credential_id,
            "version": version,
            "action": action,
        }
        self._session.execute(insert(credential_audit).values(values))

    def _one(self, query: Select[Any]) -> Credential | None:
        row = self._session.execute(query).mappings().one_or_none()
        return credential_of(row) if row is not None else None

    def _seal(self, credential: Credential, tokens: HeldTokens) -> None:
        self._session.execute(_change(credential.id).values(self._sealed(credential, tokens)))

    def _sealed(self, credential: Credential, tokens: HeldTokens) -> dict[str, object]:
        row = sealed(self._cipher, Binding.of(credential), tokens)
        return {
            "data_key": row.data_key,
            "key_id": self._cipher.key_id(row.data_key),
            "kek_id": self._cipher.kek_id(row.data_key),
            "sealed_tokens": row.sealed_tokens,
            "sealed_previous": row.sealed_previous,
        }


def _of(connection_id: ConnectionId, state: CredentialState) -> Select[Any]:
    return select(*COLUMNS).where(table.c.connection_id == connection_id, table.c.state == state)


def _change(credential_id: CredentialId) -> Update:
    return update(table).where(table.c.id == credential_id)
