"""
The service on fakes, watched: the invariants T1 to T10 of `docs/tokens.md` at every commit and every call.

T8 needs no watch: no use case that touches a token is given a clock other than its transaction's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.errors import GrantRejected
from domain.model.connection import Connection, ConnectionStatus, Reason
from domain.model.consent import XeroConnection
from domain.model.ids import ClinicId, CredentialId
from domain.model.sync import Request
from domain.model.tokens import GRACE, LEASE, Access, Credential, CredentialState, Secret, TokenSet
from domain.ports import Stores
from fakes.authorizer import Grant, Rotation, ScriptedAuthorizer
from fakes.script import Script
from fakes.service import make_service
from tokens.vault import Keys, Vault

A_DAY = timedelta(days=1)
TENANTS = {"clinic-1": "tenant-1", "clinic-2": "tenant-2"}


@dataclass
class Meanwhile(Script):
    """Does something else before or after the effect of a call, once."""

    planned: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)

    def begin(self, what: str) -> None:
        self.do(what, "before")
        super().begin(what)

    def end(self, what: str) -> None:
        self.do(what, "after")
        super().end(what)

    def do(self, what: str, when: str) -> None:
        self.planned.pop((what, when), lambda: None)()


@dataclass
class WatchedXero(ScriptedAuthorizer):
    """Xero's identity service, which remembers whose every token is, and whom it has let down."""

    script: Meanwhile = field(default_factory=Meanwhile)
    grant_of: dict[str, Grant] = field(default_factory=dict)
    withdrawn: set[Grant] = field(default_factory=set)
    shown: dict[Grant, set[Grant]] = field(default_factory=dict)
    watch: "Watch" = field(init=False)

    def refresh(self, refresh_token: Secret) -> TokenSet:
        with self.watch.presenting(refresh_token):
            return super().refresh(refresh_token)

    def connections(self, access: Access) -> Sequence[XeroConnection]:
        listed = super().connections(access)
        grant = self.access_tokens[access.token.reveal()].grant
        self.shown[grant] = {*self.grant_of.values(), *self.codes.values()}
        return listed

    def revoke(self, refresh_token: Secret) -> None:
        """Nobody can spare a consent that is given between the last look and the revocation."""
        self.script.do("revoke", "before")
        shown = self.shown.get(self.grant_of[refresh_token.reveal()], set())
        self.withdrawn |= {*self.grant_of.values(), *self.codes.values()} - shown
        super().revoke(refresh_token)

    def accepts(self, access: Access) -> bool:
        self.watch.used(access)
        return super().accepts(access)

    def takes(self, refresh_token: Secret) -> bool:
        """Whether presenting it now would give a successor."""
        issued = self.refresh_tokens.get(refresh_token.reveal())
        if issued is None or issued.used_at is None:
            return issued is not None and self.clock() < (issued.expires_at or self.clock())
        return self.rotation is not Rotation.STRICT and self.clock() < issued.used_at + GRACE

    def withdraw(self, grant: Grant) -> None:
        """The user ends this consent inside Xero."""
        self.withdrawn.add(grant)
        self._end(grant)

    def _issue(self, grant: Grant) -> TokenSet:
        tokens = super()._issue(grant)
        self.grant_of[tokens.refresh_token.reveal()] = grant
        return tokens


class Watch:
    """A service whose every commit and every call to Xero is held against the invariants."""

    def __init__(self, rotation: Rotation) -> None:
        plain = make_service(rotation, *TENANTS.values())
        self.database = plain.database
        self.xero = WatchedXero(self.database.clock, rotation)
        self.xero.watch = self
        self.keys = Keys()
        credentials = self.database.credentials
        credentials.tokens = Vault({}, self.keys, lambda one: credentials.rows[one].version)
        plain.xero.accepts = self.xero.accepts
        plain.xero.meanwhile = self._outside_a_transaction
        self.service = replace(plain, authorizer=self.xero, identity=self.xero, transaction=self._transaction)
        self._seen: dict[CredentialId, Credential] = {}
        self._committed: set[Secret] = set()
        self._licensed: set[Secret] = set()
        self._in_flight: dict[Grant, datetime] = {}
        self._turned_down: set[Grant] = set()
        self._rests_until: dict[CredentialId, datetime] = {}

    @property
    def vault(self) -> Vault:
        """What is sealed of every token set that is not destroyed; a rollback puts another in its place."""
        assert isinstance(self.database.credentials.tokens, Vault)
        return self.database.credentials.tokens

    @contextmanager
    def _transaction(self, clinic_id: ClinicId | None) -> Iterator[Stores]:
        with self.database.transaction(clinic_id) as stores:
            yield stores
        self._after_commit()

    def _after_commit(self) -> None:
        rows = self.database.credentials.rows
        for credential_id, row in rows.items():
            before = self._seen.get(credential_id)
            if before == row:
                continue
            assert before is None or row.version >= before.version, "T3: versions never go down"
            assert before is None or row.lease_epoch >= before.lease_epoch, "T3: nor do epochs"
            is_held = before is not None and before.lease_until is not None
            assert is_held or row.version == (before or row).version, (
                "T3: a late writer's tokens are discarded"
            )
            self._seen[credential_id] = row
            self._note(row)
        for credential_id in self.database.credentials.ended:
            assert credential_id not in rows, "T7: nothing comes back once it is destroyed"
            assert credential_id not in self.vault, "T7: nor does its ciphertext"

    def _note(self, row: Credential) -> None:
        held = self.vault[row.id]
        self._committed.add(held.access_token)
        if row.is_leased(self.database.now) and row.intent_at is not None:
            self._licensed.update(row.presentable(held, self.database.now))
        if row.lease_until is None and self.grant(row.id) in self._turned_down:
            self._rests_until[row.id] = self.database.now + A_DAY
        assert not self.vault.opens_elsewhere(row.id), "T9: a copy is of no use in another environment"

    @contextmanager
    def presenting(self, token: Secret) -> Iterator[None]:
        """A refresh token is on its way to Xero."""
        self._outside_a_transaction()
        assert token in self._licensed, "T5: the intent is committed before bytes leave"
        grant, now = self.xero.grant_of[token.reveal()], self.database.now
        earlier = self._in_flight.get(grant)
        assert earlier is None or earlier + LEASE <= now, "T1: one presentation is in flight at most"
        self._assert_rested(grant)
        self._in_flight[grant] = now
        self._turned_down.discard(grant)
        try:
            yield
        except GrantRejected:
            self._turned_down.add(grant)
            raise
        finally:
            self._in_flight.pop(grant, None)

    def _assert_rested(self, grant: Grant) -> None:
        """A token set that Xero has turned down is tried once a day, unless it is being told to forget it."""
        for credential_id, row in self.database.credentials.rows.items():
            if self.grant(credential_id) != grant or row.state is not CredentialState.LIVE:
                continue
            rests_until = self._rests_until.get(credential_id, self.database.now)
            assert rests_until <= self.database.now, "turned down, and asked again the same day: a loop"

    def _outside_a_transaction(self, _request: Request | None = None) -> None:
        assert not self.database._is_open, "no call to Xero is made inside a transaction"

    def used(self, access: Access) -> None:
        """An access token is on its way to Xero."""
        self._outside_a_transaction()
        assert access.token in self._committed, "T2: nothing is used before it is committed"

    def grant(self, credential_id: CredentialId) -> Grant:
        """The consent that a token set stands for."""
        return self.xero.grant_of[self.vault[credential_id].refresh_token.reveal()]

    def connection(self, clinic: str) -> Connection | None:
        """A clinic's newest connection."""
        return next(iter(self.database.connections.all_for(ClinicId(clinic))), None)

    def live(self) -> list[Credential]:
        """Token sets in use."""
        rows = self.database.credentials.rows.values()
        return [one for one in rows if one.state is CredentialState.LIVE]

    def check(self) -> None:
        """What holds between any two steps, whoever has died in between."""
        for one in self.live():
            self._check_alive(one)
            connection = self.database.connections.rows[one.connection_id]
            assert connection.is_open, "T7: a connection that has ended has no live token set"
        for store in (
            self.database.connections,
            self.database.inbox,
            self.database.outbox,
            self.database.failures,
            self.database.certificates,
            self.database.syncs,
        ):
            text = repr(vars(store))
            for word in ("refresh-", "access-", "Secret("):
                assert word not in text, "T10: a token is nowhere but in its vault"

    def _check_alive(self, one: Credential) -> None:
        connection = self.database.connections.rows[one.connection_id]
        is_lost = connection.reason is Reason.CONSENT_WITHDRAWN
        if is_lost:
            assert connection.status is ConnectionStatus.NEEDS_ATTENTION
            failures = [kept.failure for kept in self.database.failures.kept if kept.failure.state.is_open]
            assert any(f"credential:{one.id}" == failure.subject for failure in failures), "no evidence"
        held = self.vault[one.id]
        taken = [self.xero.takes(token) for token in one.presentable(held, self.database.now)]
        if self.xero.rotation is Rotation.STRICT or self.grant(one.id) in self.xero.withdrawn:
            return
        assert any(taken), "T4: something that is held is accepted"
        assert not is_lost, "T6: a consent that is good is never given up"
