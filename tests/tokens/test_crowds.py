"""Eight workers in two processes want fifty connections refreshed that expire together."""

from datetime import timedelta

import pytest

from tokens.fleet import Fleet
from tokens.victim import refresh_all

CLINICS = [f"clinic-{number}" for number in range(50)]
PROCESSES, THREADS = 2, 4


@pytest.mark.parametrize("policy", ["grace-all", "grace-latest", "strict"])
def test_no_refresh_token_is_presented_twice_and_every_expiry_is_refreshed_once(
    clinics: Fleet, policy: str
) -> None:
    clinics.connect(*CLINICS)
    credentials = clinics.credentials()
    assert len(credentials) == len(CLINICS)
    clinics.pass_time(timedelta(minutes=26))
    clinics.control.settings(token_latency=0.05, rotation_policy=policy)
    clinics.control.clear_ledger()

    workers = [clinics.start(refresh_all, credentials, seed, THREADS) for seed in range(PROCESSES)]
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0

    visits = clinics.control.ledger(path="/connect/token", limit=2_000)
    assert len(visits) == len(CLINICS)
    assert {visit["status"] for visit in visits} == {200}
    assert not any(visit["overlap"] for visit in visits)
    assert len({visit["token"] for visit in visits}) == len(CLINICS)
    assert max(visit["in_flight"] for visit in visits) > 1, "they did work at the same time"
    assert clinics.overlaps() == 0
