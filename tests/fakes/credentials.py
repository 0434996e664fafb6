"""Token sets in memory: in plain, as nothing outlives the test."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from domain.errors import Fenced, SecretUnreadable, StorageConflict
from domain.model.connection import Connection
from domain.model.consent import Consent, ConsentUse
from domain.model.ids import ConnectionId, CredentialId, XeroUserId
from domain.model.rewrapping import Rewrapped
from domain.model.tokens import Credential, CredentialState, HeldTokens
from domain.ports import Clock


class InMemoryCredentialRepository:
    """
    See `domain.ports.CredentialRepository`; `rows` holds what is not destroyed yet, `ended` the rest.

    `tokens` is what is sealed elsewhere; `audit` holds what was done to whom; `shredded` the ids of
    destroyed keys; what is in `unreadable` cannot be opened. `primary` seals from now on, and
    `sealed_with` is what each row's data key is sealed with.
    """

    def __init__(self, clock: Clock) -> None:
        self.rows: dict[CredentialId, Credential] = {}
        self.ended: dict[CredentialId, Credential] = {}
        self.tokens: dict[CredentialId, HeldTokens] = {}
        self.audit: list[tuple[CredentialId, str]] = []
        self.shredded: dict[CredentialId, str] = {}
        self.unreadable: list[CredentialId] = []
        self.primary = "kek-1"
        self.sealed_with: dict[CredentialId, str] = {}
        self.claimed_until: dict[CredentialId, datetime] = {}
        self._clock = clock
        self._ids = count(1)

    def hold(self, connection: Connection, consent: Consent) -> Credential:
        credential = Credential(
            id=CredentialId(next(self._ids)),
            connection_id=connection.id,
            clinic_id=connection.clinic_id,
            generation=connection.generation,
            state=CredentialState.PENDING,
            tenant_id=None,
            user_id=consent.user_id,
            consent_event=consent.consent_event,
            scopes=consent.tokens.scopes,
            version=0,
            obtained_at=self._clock(),
            access_expires_at=self._clock() + consent.tokens.life,
        )
        self._put(credential)
        self._seal(credential.id, HeldTokens.of(consent.tokens))
        return credential

    def pending(self, connection_id: ConnectionId) -> Credential | None:
        return next(iter(self._of(connection_id, CredentialState.PENDING)), None)

    def live(self, connection_id: ConnectionId) -> Credential | None:
        return next(iter(self._of(connection_id, CredentialState.LIVE)), None)

    def live_for_update(self, connection_id: ConnectionId) -> Credential | None:
        return self.live(connection_id)

    def get_for_update(self, credential_id: CredentialId) -> Credential | None:
        return self.rows.get(credential_id)

    def to_revoke(self, connection_id: ConnectionId) -> Sequence[Credential]:
        return self._of(connection_id, CredentialState.REVOCATION_PENDING)

    def open(self, credential: Credential) -> HeldTokens:
        if credential.id not in self.tokens:
            raise Fenced("the token set has been destroyed")
        if self.rows[credential.id].version != credential.version:
            raise Fenced("the token set has changed since it was read")
        if credential.id in self.unreadable:
            raise SecretUnreadable("sealed elsewhere, or damaged")
        self.audit.append((credential.id, "opened"))
        return self.tokens[credential.id]

    def activate(self, credential: Credential, connection: Connection) -> None:
        assert connection.tenant is not None
        self._seal(credential.id, self.open(credential))
        self._put(
            replace(
                self.rows[credential.id],
                connection_id=connection.id,
                generation=connection.generation,
                state=CredentialState.LIVE,
                consent_event=credential.consent_event,
                tenant_id=connection.tenant.id,
                xero_connection_id=connection.tenant.xero_connection_id,
            )
        )

    def save(self, credential: Credential, *, seen: Credential, tokens: HeldTokens | None = None) -> None:
        current = self.get_for_update(credential.id)
        if current is None or not current.is_same_claim(seen):
            raise Fenced("the token set has changed since it was read")
        self.rows[credential.id] = replace(
            current,
            scopes=credential.scopes,
            version=credential.version,
            obtained_at=credential.obtained_at,
            access_expires_at=credential.access_expires_at,
            previous_until=credential.previous_until,
            lease_epoch=credential.lease_epoch,
            lease_until=credential.lease_until,
            intent_at=credential.intent_at,
            cooldown_until=credential.cooldown_until,
        )
        if tokens is not None:
            self._seal(credential.id, tokens)

    def doubt(self, credential: Credential) -> None:
        self.save(credential.doubted(self._clock()), seen=credential)
        self.audit.append((credential.id, "fenced"))

    def retire(self, credential: Credential, revoke_by: datetime) -> None:
        self.rows[credential.id] = replace(
            self.rows[credential.id],
            state=CredentialState.REVOCATION_PENDING,
            revoke_by=revoke_by,
            cooldown_until=None,
        )

    def shred(self, credential: Credential) -> str:
        self.tokens.pop(credential.id, None)
        if credential.id in self.rows:
            gone = replace(self.rows.pop(credential.id), state=CredentialState.SHREDDED)
            self.ended[credential.id] = gone
        self.audit.append((credential.id, "shredded"))
        return self.shredded.setdefault(credential.id, f"key-{credential.id}")

    def consents_of(self, user_id: XeroUserId, but: CredentialId) -> Sequence[ConsentUse]:
        return [
            ConsentUse(state=one.state, link=one.xero_connection_id, consent_event=one.consent_event)
            for one in (*self.rows.values(), *self.ended.values())
            if one.user_id == user_id and one.id != but
        ]

    def rewrap(self, after: CredentialId, limit: int) -> Rewrapped:
        old = sorted(one for one in self.tokens if self.sealed_with[one] != self.primary and one > after)[
            :limit
        ]
        for one in old:
            if one in self.unreadable:
                self.audit.append((one, "unreadable"))
            else:
                self.sealed_with[one] = self.primary
                self.audit.append((one, "rewrapped"))
        bad = sum(one in self.unreadable for one in old)
        return Rewrapped(moved=len(old) - bad, unreadable=bad, last=old[-1] if old else None)

    def _of(self, connection_id: ConnectionId, state: CredentialState) -> list[Credential]:
        mine = (one for one in self.rows.values() if one.connection_id == connection_id)
        return [one for one in mine if one.state is state]

    def _seal(self, credential_id: CredentialId, tokens: HeldTokens) -> None:
        self.tokens[credential_id] = tokens
        self.sealed_with[credential_id] = self.primary

    def _put(self, credential: Credential) -> None:
        """A connection has one live and one pending token set."""
        same = self._of(credential.connection_id, credential.state)
        if any(one.id != credential.id for one in same):
            raise StorageConflict("somebody else was first")
        self.rows[credential.id] = credential
