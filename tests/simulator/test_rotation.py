"""What refresh tokens do under the three policies."""

import threading

import pytest

from simulator.caller import Answer, refresh
from simulator.client import Control, Organisation

REFUSED = {"error": "invalid_grant"}


@pytest.fixture
def first(control: Control, clinic: Organisation) -> str:
    return str(control.token_set(clinic)["refresh_token"])


def next_token(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json()["refresh_token"])


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest", "strict"])
def test_every_policy_rotates(policy: str, control: Control, first: str) -> None:
    control.settings(rotation_policy=policy)
    second = next_token(refresh(control, first))
    assert next_token(refresh(control, second)) not in {first, second}


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest"])
def test_a_lost_answer_can_be_asked_for_again_within_thirty_minutes(
    policy: str, control: Control, first: str
) -> None:
    control.settings(rotation_policy=policy)
    refresh(control, first)
    control.advance(1_790)
    assert next_token(refresh(control, first))


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest"])
def test_after_thirty_minutes_the_previous_token_is_dead(policy: str, control: Control, first: str) -> None:
    control.settings(rotation_policy=policy)
    second = next_token(refresh(control, first))
    control.advance(1_801)
    assert refresh(control, first).json() == REFUSED
    assert refresh(control, second).status == 200


def test_grace_all_keeps_every_successor(control: Control, first: str) -> None:
    control.settings(rotation_policy="grace-all")
    second, third = (next_token(refresh(control, first)) for _ in range(2))
    assert refresh(control, second).status == refresh(control, third).status == 200


def test_grace_latest_keeps_only_the_newest_successor(control: Control, first: str) -> None:
    control.settings(rotation_policy="grace-latest")
    second, third = (next_token(refresh(control, first)) for _ in range(2))
    assert refresh(control, second).json() == REFUSED
    assert refresh(control, third).status == 200


def test_grace_latest_forgets_the_token_before_the_previous(control: Control, first: str) -> None:
    control.settings(rotation_policy="grace-latest")
    refresh(control, next_token(refresh(control, first)))
    assert refresh(control, first).json() == REFUSED


def test_strict_ends_the_family_when_a_token_comes_twice(control: Control, first: str) -> None:
    control.settings(rotation_policy="strict")
    second = next_token(refresh(control, first))
    assert refresh(control, first).json() == REFUSED
    assert refresh(control, second).json() == REFUSED
    assert control.tokens()[0]["ended"] == "reuse"


def test_an_unused_token_dies_after_sixty_days(control: Control, clinic: Organisation) -> None:
    early, late = (control.token_set(clinic)["refresh_token"] for _ in range(2))
    control.advance(59 * 86_400)
    assert refresh(control, early).status == 200
    control.advance(2 * 86_400)
    assert refresh(control, late).json() == REFUSED


def test_a_killed_family_is_refused(control: Control, clinic: Organisation, first: str) -> None:
    assert control.kill_tokens(user_id=clinic.owner) == 1
    assert refresh(control, first).json() == REFUSED


def test_the_token_ledger_counts_presentations_rotations_and_overlaps(control: Control, first: str) -> None:
    control.settings(token_latency=0.3)
    threads = [threading.Thread(target=refresh, args=(control, first)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    family = control.tokens()[0]
    assert list(family["presentations"].values()) == [2]
    assert (family["rotations"], family["overlaps"]) == (2, 1)
    calls = control.ledger(path="/connect/token", limit=2)
    assert [visit["overlap"] for visit in calls] == [False, True]
    assert calls[0]["token"] in family["presentations"]


def test_older_token_sets_outlive_a_new_consent_unless_told_otherwise(
    control: Control, clinic: Organisation, first: str
) -> None:
    control.token_set(clinic)
    assert refresh(control, first).status == 200
    control.settings(consent_ends_older_tokens=True)
    before = str(control.token_set(clinic)["refresh_token"])
    control.token_set(clinic)
    assert refresh(control, before).json() == REFUSED


def test_scopes_add_up_over_consents_unless_told_otherwise(control: Control, clinic: Organisation) -> None:
    control.token_set(clinic, scopes=["openid", "payroll.payruns.read"])
    both = control.token_set(clinic, scopes=["payroll.employees.read"])["scope"]
    assert both.split() == ["openid", "payroll.employees.read", "payroll.payruns.read"]
    control.settings(cumulative_scopes=False)
    assert control.token_set(clinic, scopes=["openid"])["scope"] == "openid"
