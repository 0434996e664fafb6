"""SIGKILL at each of the twelve points of a refresh, under each of the policies that Xero may have."""

from datetime import timedelta

import pytest

from tokens.fleet import A_MINUTE, Fleet
from tokens.victim import KILL, POINTS, refresh_and_die

RECOVERED_WITHIN = 5
"""Minutes, of the thirty in which Xero takes the token before."""

LOST_WITHOUT_A_GRACE = set(POINTS[POINTS.index("after-send") : POINTS.index("after-commit-sent")])
"""Where Xero has rotated and we have not committed: without a grace nobody could go on from there."""

EVIDENCE = """
SELECT clinic_id FROM allie_xero.failure
 WHERE error = 'ConsentWithdrawn' AND state = 'failed' AND context ->> 'begun_at' <> ''
"""


def kill_at_every_point(clinics: Fleet) -> None:
    jobs = clinics.connect(*POINTS)
    slow = clinics.control.inject("delay", path="/connect/token", seconds=0.2, count=None)
    assert slow
    for point, job in jobs.items():
        victim = clinics.start(refresh_and_die, job, point, KILL)
        victim.join(60)
        assert victim.exitcode == -KILL, point
    clinics.control.clear_faults()


def recover(clinics: Fleet) -> int:
    """Let the dispatcher look every minute until nothing is in doubt; gives the minutes that took."""
    for minute in range(30):
        if not clinics.in_doubt():
            return minute
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    raise AssertionError("it never comes to an end")


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest"])
def test_no_connection_is_lost_wherever_its_refresh_is_killed(clinics: Fleet, policy: str) -> None:
    clinics.control.settings(rotation_policy=policy)
    kill_at_every_point(clinics)
    assert clinics.in_doubt() == set(POINTS[POINTS.index("after-intent") : POINTS.index("after-commit-sent")])

    assert recover(clinics) <= RECOVERED_WITHIN
    assert clinics.statuses() == dict.fromkeys(POINTS, "active")
    clinics.pass_time(timedelta(days=2))
    assert clinics.keep_alive() == ["refreshed"] * len(POINTS)
    assert clinics.overlaps() == 0


def test_where_xero_gives_no_grace_the_clinic_is_told_with_evidence_and_nothing_loops(clinics: Fleet) -> None:
    clinics.control.settings(rotation_policy="strict")
    kill_at_every_point(clinics)

    assert recover(clinics) <= RECOVERED_WITHIN
    lost = {clinic for clinic, status in clinics.statuses().items() if status == "needs_attention"}
    assert lost == LOST_WITHOUT_A_GRACE
    assert {clinic for (clinic,) in clinics.ask(EVIDENCE)} == lost
    before = clinics.presentations()
    for _ in range(10):
        clinics.pass_time(A_MINUTE)
        clinics.keep_alive()
    assert clinics.presentations() == before
    clinics.pass_time(timedelta(days=2))
    ended = clinics.keep_alive()
    assert ended.count("ConsentWithdrawn") == len(lost)
    assert ended.count("refreshed") == len(POINTS) - len(lost)
