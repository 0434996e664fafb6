from datetime import datetime, timedelta

import pytest

from builders import NOW, make_credential, make_tokens
from domain.model.tokens import COOLDOWN, GRACE, LEASE, REJECTED_REST, Credential, HeldTokens, Secret

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FRESH = make_credential()


def test_an_access_token_is_used_until_five_minutes_before_its_end() -> None:
    assert FRESH.access_expires_at == NOW + 30 * MINUTE
    assert FRESH.is_fresh(NOW + 25 * MINUTE - SECOND)
    assert not FRESH.is_fresh(NOW + 25 * MINUTE)


def test_an_access_token_that_xero_turned_down_is_not_fresh() -> None:
    assert not FRESH.is_fresh(NOW, refused=FRESH.version)
    assert FRESH.is_fresh(NOW, refused=FRESH.version - 1)


def test_a_token_set_in_doubt_is_not_fresh() -> None:
    assert not FRESH.claimed(NOW).is_fresh(NOW)


def test_a_claim_holds_a_lease_and_notes_the_intent() -> None:
    claim = FRESH.claimed(NOW)
    assert (claim.lease_epoch, claim.lease_until, claim.intent_at) == (1, NOW + LEASE, NOW)
    assert claim.is_leased(NOW + LEASE - SECOND)
    assert not claim.is_leased(NOW + LEASE)
    assert not FRESH.is_leased(NOW)


def test_an_unresolved_intent_keeps_its_own_time() -> None:
    again = FRESH.claimed(NOW).claimed(NOW + 5 * MINUTE)
    assert (again.intent_at, again.lease_epoch) == (NOW, 2)


def test_a_claim_is_known_by_rotation_and_epoch() -> None:
    claim = FRESH.claimed(NOW)
    assert claim.is_same_claim(claim)
    assert not claim.claimed(NOW).is_same_claim(claim)
    assert not claim.refreshed(make_tokens("2"), claim, NOW).is_same_claim(claim)
    assert not make_credential(id=2, lease_epoch=1).is_same_claim(claim)


def test_a_rotation_keeps_what_was_presented_for_xeros_grace() -> None:
    later = NOW + MINUTE
    found = FRESH.claimed(NOW).refreshed(make_tokens("2"), FRESH.claimed(NOW), later)
    held = HeldTokens.of(make_tokens("1")).rotated(make_tokens("2"), Secret("refresh-1"))
    assert (found.version, found.obtained_at, found.scopes) == (1, later, make_tokens("2").scopes)
    assert (found.access_expires_at, found.previous_until) == (later + 30 * MINUTE, later + GRACE)
    assert (found.lease_until, found.intent_at, found.cooldown_until) == (None, None, None)
    assert (held.access_token, held.refresh_token) == (Secret("access-2"), Secret("refresh-2"))
    assert found.presentable(held, later + GRACE - SECOND) == (Secret("refresh-2"), Secret("refresh-1"))
    assert found.presentable(held, later + GRACE) == (Secret("refresh-2"),)


def test_a_token_set_that_was_never_rotated_has_one_token_to_present() -> None:
    assert FRESH.presentable(HeldTokens.of(make_tokens("1")), NOW) == (Secret("refresh-1"),)


def test_a_doubt_that_was_raised_during_a_refresh_outlives_it() -> None:
    claim = FRESH.claimed(NOW)
    doubted = claim.doubted(NOW + SECOND)
    assert doubted.refreshed(make_tokens("2"), claim, NOW + MINUTE).intent_at == NOW + SECOND
    assert doubted.released(claim, FRESH, NOW + MINUTE, in_doubt=False).intent_at == NOW + SECOND


@pytest.mark.parametrize(
    ("before", "in_doubt", "left"),
    [
        (FRESH, False, None),
        (FRESH, True, NOW),
        (FRESH.doubted(NOW - MINUTE), False, NOW - MINUTE),
        (FRESH.doubted(NOW - MINUTE), True, NOW - MINUTE),
    ],
)
def test_a_failed_refresh_rests_and_leaves_every_doubt_that_it_did_not_settle(
    before: Credential, in_doubt: bool, left: datetime | None
) -> None:
    claim = before.claimed(NOW)
    found = claim.released(claim, before, NOW + MINUTE, in_doubt=in_doubt)
    assert (found.lease_until, found.intent_at) == (None, left)
    assert found.is_cooling(NOW + MINUTE + COOLDOWN - SECOND)
    assert not found.is_cooling(NOW + MINUTE + COOLDOWN)
    assert not FRESH.is_cooling(NOW)


def test_a_token_set_that_xero_turned_down_rests_for_a_day() -> None:
    found = FRESH.claimed(NOW).rejected(NOW)
    assert (found.lease_until, found.intent_at) == (None, None)
    assert found.is_cooling(NOW + REJECTED_REST - SECOND)
    assert not found.is_cooling(NOW + REJECTED_REST)


def test_a_rotation_takes_over_what_xero_grants_and_ends_the_pause() -> None:
    claim = make_credential(cooldown_until=NOW, scopes=frozenset({"old"})).claimed(NOW)
    rotated = claim.refreshed(make_tokens("2", scopes=frozenset({"new"})), claim, NOW)
    assert rotated.scopes == {"new"}
    assert rotated.cooldown_until is None
