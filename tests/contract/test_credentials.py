from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import CLINIC, make_consent, make_held, make_tenant, make_tokens
from contract.backends import Backend
from contract.given import connected, hold, live
from domain.errors import Fenced, StorageConflict
from domain.model.connection import Connection, Erase
from domain.model.consent import ConsentUse
from domain.model.ids import ClinicId, ConnectionId, CredentialId, XeroConnectionId, XeroUserId
from domain.model.tokens import Credential, CredentialState, HeldTokens
from domain.ports import Stores, Transaction

USER = XeroUserId("user-1")


@pytest.fixture
def connection(transaction: Transaction) -> Connection:
    return connected(transaction)


Change = Callable[[Credential, Stores], Credential]


def saved(transaction: Transaction, change: Change, seen: Credential) -> None:
    with transaction(CLINIC) as stores:
        stores.credentials.save(change(seen, stores), seen=seen)


def claimed(transaction: Transaction, seen: Credential) -> Credential:
    saved(transaction, lambda one, stores: one.claimed(stores.now), seen)
    return held(transaction, seen)


def rotate(transaction: Transaction, seen: Credential, name: str = "2") -> None:
    with transaction(CLINIC) as stores:
        rotated = seen.refreshed(make_tokens(name), seen, stores.now)
        before = stores.credentials.open(seen)
        tokens = before.rotated(make_tokens(name), before.refresh_token)
        stores.credentials.save(rotated, seen=seen, tokens=tokens)


def opened(transaction: Transaction, credential: Credential) -> HeldTokens:
    with transaction(CLINIC) as stores:
        return stores.credentials.open(held_in(stores, credential))


def held_in(stores: Stores, credential: Credential) -> Credential:
    found = stores.credentials.get_for_update(credential.id)
    assert found is not None
    return found


def held(transaction: Transaction, credential: Credential) -> Credential:
    with transaction(CLINIC) as stores:
        return held_in(stores, credential)


def test_a_held_consent_is_pending_with_its_tokens_and_its_user(
    transaction: Transaction, connection: Connection
) -> None:
    credential = hold(transaction, connection)
    assert credential.state is CredentialState.PENDING
    assert opened(transaction, credential) == make_held("1")
    assert (credential.user_id, credential.consent_event) == (USER, "consent-1")
    assert (credential.version, credential.lease_epoch, credential.intent_at) == (0, 0, None)
    with transaction(CLINIC) as stores:
        assert stores.credentials.pending(connection.id) == credential
        assert stores.credentials.get_for_update(credential.id) == credential
        assert stores.credentials.live(connection.id) is None
        assert stores.credentials.live_for_update(connection.id) is None


def test_a_consent_of_an_unknown_user_is_held_too(transaction: Transaction, connection: Connection) -> None:
    credential = hold(transaction, connection, user_id=None, consent_event=None)
    assert held(transaction, credential).user_id is None


def test_tokens_are_obtained_by_the_databases_clock(transaction: Transaction, connection: Connection) -> None:
    with transaction(CLINIC) as stores:
        credential = stores.credentials.hold(connection, make_consent())
        assert credential.obtained_at == stores.now
        assert credential.access_expires_at == stores.now + timedelta(minutes=30)


def test_a_connection_has_one_pending_token_set(transaction: Transaction, connection: Connection) -> None:
    hold(transaction, connection, "1")
    with pytest.raises(StorageConflict):
        hold(transaction, connection, "2")


def test_an_active_token_set_is_live_under_its_connections_generation(
    transaction: Transaction, connection: Connection
) -> None:
    pending = hold(transaction, connection)
    target = replace(connection, generation=9, tenant=make_tenant("tenant-1"))
    with transaction(CLINIC) as stores:
        stores.credentials.activate(pending, target)
    with transaction(CLINIC) as stores:
        found = stores.credentials.live(connection.id)
        assert found is not None
        assert stores.credentials.live_for_update(connection.id) == found
        assert stores.credentials.pending(connection.id) is None
    assert (found.id, found.state, found.generation) == (pending.id, CredentialState.LIVE, 9)
    assert (found.tenant_id, found.xero_connection_id) == ("tenant-1", "link-of-tenant-1")
    assert opened(transaction, found) == make_held("1")


def test_a_token_set_may_become_live_on_another_connection_of_its_clinic(
    transaction: Transaction, connection: Connection
) -> None:
    with transaction(CLINIC) as stores:
        stores.connections.save(connection.disconnected(stores.now, Erase.NEVER))
        present = stores.connections.add(CLINIC)
    pending = hold(transaction, present)
    with transaction(CLINIC) as stores:
        stores.credentials.activate(pending, connection)
    with transaction(CLINIC) as stores:
        found = stores.credentials.live(connection.id)
        assert found is not None
        assert stores.credentials.pending(present.id) is None
    assert opened(transaction, found) == make_held("1")


def test_a_live_token_set_stands_for_the_consent_that_its_link_has(
    transaction: Transaction, connection: Connection
) -> None:
    pending = hold(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.credentials.activate(replace(pending, consent_event="an earlier consent"), connection)
    assert held(transaction, pending).consent_event == "an earlier consent"


def test_a_connection_has_one_live_token_set(transaction: Transaction, connection: Connection) -> None:
    live(transaction, connection, "1")
    pending = hold(transaction, connection, "2")
    with pytest.raises(StorageConflict), transaction(CLINIC) as stores:
        stores.credentials.activate(pending, connection)


def test_a_rotation_replaces_both_tokens_and_keeps_the_one_presented(
    transaction: Transaction, connection: Connection
) -> None:
    seen = live(transaction, connection)
    rotate(transaction, seen)
    found = held(transaction, seen)
    assert opened(transaction, seen) == make_held("2", previous="1")
    assert found.version == seen.version + 1
    assert found.previous_until == found.obtained_at + timedelta(minutes=30)


def test_a_rotated_token_set_can_be_rotated_again(transaction: Transaction, connection: Connection) -> None:
    seen = live(transaction, connection)
    rotate(transaction, seen)
    rotate(transaction, held(transaction, seen), "3")
    assert held(transaction, seen).version == 2
    assert opened(transaction, seen) == make_held("3", previous="2")


def test_a_claim_is_kept_without_touching_the_tokens(
    transaction: Transaction, connection: Connection
) -> None:
    found = claimed(transaction, live(transaction, connection))
    assert opened(transaction, found) == make_held("1")
    assert (found.version, found.lease_epoch) == (0, 1)
    assert found.intent_at is not None
    assert found.lease_until == found.intent_at + timedelta(seconds=90)


def test_a_failed_claim_leaves_its_pause_and_may_leave_its_intent(
    transaction: Transaction, connection: Connection
) -> None:
    seen = live(transaction, connection)
    claim = claimed(transaction, seen)
    saved(transaction, lambda one, stores: one.released(claim, seen, stores.now, in_doubt=True), claim)
    found = held(transaction, seen)
    assert (found.lease_until, found.intent_at) == (None, claim.intent_at)
    assert found.cooldown_until is not None


def claim_again(transaction: Transaction, seen: Credential) -> None:
    saved(transaction, lambda one, stores: one.claimed(stores.now), seen)


@pytest.mark.parametrize("change", [rotate, claim_again])
@pytest.mark.parametrize("before", [rotate, claim_again])
def test_a_change_is_refused_once_somebody_else_has_claimed_or_rotated(
    transaction: Transaction,
    connection: Connection,
    before: Callable[[Transaction, Credential], None],
    change: Callable[[Transaction, Credential], None],
) -> None:
    seen = live(transaction, connection)
    before(transaction, seen)
    after = held(transaction, seen)
    with pytest.raises(Fenced):
        change(transaction, seen)
    assert held(transaction, seen) == after


@pytest.mark.parametrize("change", [rotate, claim_again])
def test_a_change_is_refused_once_the_token_set_is_destroyed(
    transaction: Transaction,
    connection: Connection,
    change: Callable[[Transaction, Credential], None],
) -> None:
    seen = live(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.credentials.shred(seen)
    with pytest.raises(Fenced):
        change(transaction, seen)


def test_a_doubt_marks_the_token_set_and_touches_nothing_else(
    transaction: Transaction, connection: Connection
) -> None:
    seen = live(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.credentials.doubt(seen)
        now = stores.now
    assert held(transaction, seen) == replace(seen, intent_at=now)


def test_a_token_set_that_was_rotated_since_it_was_read_is_not_opened(
    transaction: Transaction, connection: Connection
) -> None:
    """Its reader would take the new tokens for the version that it knows."""
    seen = live(transaction, connection)
    rotate(transaction, seen)
    with transaction(CLINIC) as stores, pytest.raises(Fenced):
        stores.credentials.open(seen)


def test_what_is_done_to_a_token_set_is_in_the_audit(backend: Backend, connection: Connection) -> None:
    seen = live(backend.transaction, connection)
    rotate(backend.transaction, seen)
    rotated = held(backend.transaction, seen)
    with backend.transaction(CLINIC) as stores:
        stores.credentials.doubt(rotated)
        stores.credentials.shred(rotated)
    done = ["opened", "opened", "fenced", "shredded"]
    assert backend.audit() == [(seen.id, action) for action in done]


def test_a_destroyed_token_set_is_not_opened(transaction: Transaction, connection: Connection) -> None:
    seen = live(transaction, connection)
    with transaction(CLINIC) as stores:
        stores.credentials.shred(seen)
        with pytest.raises(Fenced):
            stores.credentials.open(seen)


def test_a_retired_token_set_waits_for_its_revocation_and_nothing_else(
    transaction: Transaction, connection: Connection
) -> None:
    credential = live(transaction, connection)
    with transaction(CLINIC) as stores:
        revoke_by = stores.now + timedelta(hours=24)
        stores.credentials.retire(credential, revoke_by)
    with transaction(CLINIC) as stores:
        assert stores.credentials.live(connection.id) is None
        [found] = stores.credentials.to_revoke(connection.id)
        assert stores.credentials.to_revoke(ConnectionId(404)) == []
    assert (found.id, found.state) == (credential.id, CredentialState.REVOCATION_PENDING)
    assert (found.cooldown_until, found.revoke_by) == (None, revoke_by)
    assert opened(transaction, found) == make_held("1")


def test_a_retired_token_set_makes_room_for_a_live_one(
    transaction: Transaction, connection: Connection
) -> None:
    with transaction(CLINIC) as stores:
        old = stores.credentials.hold(connection, make_consent("old"))
        stores.credentials.retire(old, stores.now)
    live(transaction, connection, "new")
    with transaction(CLINIC) as stores:
        assert len(stores.credentials.to_revoke(connection.id)) == 1


def test_a_refresh_in_flight_is_kept_although_the_token_set_was_retired_meanwhile(
    transaction: Transaction, connection: Connection
) -> None:
    claim = claimed(transaction, live(transaction, connection))
    with transaction(CLINIC) as stores:
        stores.credentials.retire(claim, stores.now + timedelta(hours=24))
    rotate(transaction, claim)
    with transaction(CLINIC) as stores:
        [found] = stores.credentials.to_revoke(connection.id)
    assert opened(transaction, found) == make_held("2", previous="1")


def test_a_destroyed_token_set_is_gone_and_its_keys_id_stays(
    transaction: Transaction, connection: Connection
) -> None:
    credential = live(transaction, connection)
    with transaction(CLINIC) as stores:
        key_id = stores.credentials.shred(credential)
        assert key_id
    with transaction(CLINIC) as stores:
        assert stores.credentials.get_for_update(credential.id) is None
        assert stores.credentials.live(connection.id) is None
        assert stores.credentials.to_revoke(connection.id) == []
        assert stores.credentials.shred(credential) == key_id


def test_every_token_set_has_a_key_of_its_own(transaction: Transaction, connection: Connection) -> None:
    first = hold(transaction, connection, "1")
    with transaction(CLINIC) as stores:
        key_id = stores.credentials.shred(first)
    second = hold(transaction, connection, "2")
    with transaction(CLINIC) as stores:
        assert stores.credentials.shred(second) != key_id


def test_an_unknown_token_set_is_none(transaction: Transaction) -> None:
    with transaction(CLINIC) as stores:
        assert stores.credentials.get_for_update(CredentialId(404)) is None
        assert stores.credentials.pending(ConnectionId(404)) is None
        assert stores.credentials.live(ConnectionId(404)) is None


def test_what_a_users_other_consents_are_used_for_is_known_across_clinics(
    backend: Backend, connection: Connection
) -> None:
    mine = live(backend.transaction, connection)
    other = live(backend.transaction, connected(backend.transaction, "clinic-2", "tenant-2"), "2")
    used = ConsentUse(
        state=CredentialState.LIVE, link=XeroConnectionId("link-of-tenant-2"), consent_event="consent-2"
    )
    with backend.transaction(CLINIC) as stores:
        assert stores.credentials.consents_of(USER, mine.id) == [used]
        assert stores.credentials.consents_of(XeroUserId("user-2"), mine.id) == []
    with backend.transaction(ClinicId("clinic-2")) as stores:
        stores.credentials.shred(other)
    with backend.transaction(CLINIC) as stores:
        [left] = stores.credentials.consents_of(USER, mine.id)
    assert (left.state, left.consent_event) == (CredentialState.SHREDDED, "consent-2")


def test_a_pending_consent_of_the_same_user_has_no_link_yet(backend: Backend, connection: Connection) -> None:
    mine = live(backend.transaction, connection)
    hold(backend.transaction, connected(backend.transaction, "clinic-2", "tenant-2"), "2")
    with backend.transaction(CLINIC) as stores:
        [other] = stores.credentials.consents_of(USER, mine.id)
    assert (other.state, other.link) == (CredentialState.PENDING, None)
