"""Xero has rotated, and its answer never arrives, or not whole."""

from datetime import timedelta

import pytest

from tokens.fleet import A_MINUTE, Fleet

LOSSES: dict[str, dict[str, object]] = {
    "lost": {},
    "cut": {"fraction": 0.5},
    "truncated": {"fraction": 0.9},
    "html": {"status": 502},
    "huge": {"size": 20_000_000},
}
EVERY = list(LOSSES)


def lose_every_answer(clinics: Fleet) -> None:
    jobs = clinics.connect(*EVERY)
    for loss, parameters in LOSSES.items():
        clinics.control.inject(loss, path="/connect/token", count=1, **parameters)
        assert clinics.outcome(jobs[loss]) in ("AnswerLost", "AnswerUnreadable"), loss
    assert clinics.in_doubt() == set(EVERY)


def counted(clinics: Fleet, result: str) -> float | None:
    registry = clinics.service.metrics.registry
    return registry.get_sample_value("allie_xero_token_refresh_total", {"result": result})


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest"])
def test_a_rotation_whose_answer_is_lost_is_recovered_and_counted(clinics: Fleet, policy: str) -> None:
    clinics.control.settings(rotation_policy=policy)
    lose_every_answer(clinics)
    assert counted(clinics, "unknown_outcome") == len(EVERY)
    for _ in range(3):
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    assert counted(clinics, "recovered") == len(EVERY)
    assert clinics.statuses() == dict.fromkeys(EVERY, "active")
    clinics.pass_time(timedelta(days=2))
    assert clinics.keep_alive() == ["refreshed"] * len(EVERY)


def test_where_xero_gives_no_grace_a_lost_answer_is_told_to_the_clinic(clinics: Fleet) -> None:
    clinics.control.settings(rotation_policy="strict")
    lose_every_answer(clinics)
    for _ in range(3):
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    assert counted(clinics, "consent_withdrawn") == len(EVERY)
    assert clinics.statuses() == dict.fromkeys(EVERY, "needs_attention")
