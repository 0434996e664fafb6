"""A holder that is stopped in the middle of its refresh, past its lease, and goes on after others."""

import os
from datetime import timedelta

import psutil
import pytest

from deployment.processes import until
from tokens.fleet import Fleet
from tokens.victim import GO_ON, STOP, refresh_and_die

STOPS = ("after-intent", "after-answer")
"""Before it asks Xero, and after it has got its answer."""

PAST_THE_LEASE = timedelta(seconds=96)

HELD = "SELECT clinic_id, version, sealed_tokens FROM allie_xero.credential ORDER BY id"
FENCED = "SELECT count(*) FROM allie_xero.credential_audit WHERE action = 'fenced'"


def pause_past_the_lease(clinics: Fleet) -> None:
    """Stop holders, let others take over, and let the holders go on: they change nothing."""
    jobs = clinics.connect(*STOPS)
    holders = [clinics.start(refresh_and_die, job, stop, STOP) for stop, job in jobs.items()]
    for holder in holders:
        stopped = psutil.Process(holder.pid)
        until(lambda stopped=stopped: stopped.status() == psutil.STATUS_STOPPED, "the stop")  # type: ignore[misc]
    clinics.pass_time(PAST_THE_LEASE)
    clinics.keep_alive()
    held = clinics.ask(HELD)
    for holder in holders:
        assert holder.pid is not None
        os.kill(holder.pid, GO_ON)
        holder.join(60)
        assert holder.exitcode == 0
    assert clinics.ask(HELD) == held, "a late writer changes no row"
    assert clinics.ask(FENCED) == [(len(STOPS),)], "and the audit says so"


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest"])
def test_a_late_writer_changes_nothing_and_nothing_is_lost(clinics: Fleet, policy: str) -> None:
    clinics.control.settings(rotation_policy=policy)
    pause_past_the_lease(clinics)
    clinics.pass_time(timedelta(minutes=2))
    assert clinics.keep_alive() == ["recovered"] * len(STOPS)
    assert clinics.statuses() == dict.fromkeys(STOPS, "active")
    clinics.pass_time(timedelta(days=2))
    assert clinics.keep_alive() == ["refreshed"] * len(STOPS)


def test_where_xero_gives_no_grace_a_late_writer_ends_in_a_clear_word(clinics: Fleet) -> None:
    clinics.control.settings(rotation_policy="strict")
    pause_past_the_lease(clinics)
    clinics.pass_time(timedelta(minutes=2))
    clinics.keep_alive()
    assert clinics.statuses() == dict.fromkeys(STOPS, "needs_attention")
    before = clinics.presentations()
    clinics.pass_time(timedelta(hours=12))
    clinics.keep_alive()
    assert clinics.presentations() == before
