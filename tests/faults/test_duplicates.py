"""Events that come ten times over and in any order have one effect each."""

import random

from deployment.clinic import CLINIC, grant, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import differences
from entrypoints.local.postgres import PrivatePostgres
from simulator.server import Running

SEED = 28
TIMES = 10
CLINICS = 3


def test_ten_copies_of_each_event_in_any_order_have_one_effect_each(
    service: Deployment, main_platform: Platform, xero: Running, own_postgres: PrivatePostgres
) -> None:
    chance = random.Random(SEED)
    service.start_dispatcher()
    for name in ("worker", "second"):
        service.start_worker(name)
    clinics = {f"{CLINIC}-{n}": xero.control.create_organisation(staff=3, runs=3) for n in range(CLINICS)}
    events = [
        ("connect-completed", {"clinic_id": clinic, "grant": grant(xero.control, one)}, f"connect-{clinic}")
        for clinic, one in clinics.items()
    ]
    events += [("sync-requested", {"clinic_id": f"nobody-{n}"}, f"asked-{n}") for n in range(20)]
    copies = events * TIMES
    chance.shuffle(copies)
    for kind, data, event_id in copies:
        main_platform.publish(kind, data, event_id=event_id)

    ids = {event_id for *_, event_id in events}
    until(lambda: main_platform.replies(ids).keys() == ids, "the answers")
    for clinic, one in clinics.items():
        until(lambda clinic=clinic: is_backfilled(main_platform, clinic), "the backfill")  # type: ignore[misc]
        assert differences(xero.control.truth(one.tenant_id), own_postgres.url, clinic) == []
    assert set(main_platform.replies(ids).values()) == {1}
    assert value(own_postgres.url, "SELECT count(*) FROM allie_xero.connection") == CLINICS
    assert value(own_postgres.url, "SELECT count(*) FROM allie_xero.inbox") == len(ids)
    assert value(own_postgres.url, "SELECT count(*) FROM allie_xero.failure WHERE state = 'failed'") == 0
