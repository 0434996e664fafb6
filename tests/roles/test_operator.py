"""What operators and gauges ask, asked under their own logins."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from adapters.postgres.gauges import Gauges
from adapters.postgres.reports import Reports
from adapters.postgres.work import Rhythm
from domain.model.connection import Region
from roles.conftest import CLINICS, Connection
from services.logins import new_login


@pytest.fixture
def operator(module_database_url: str) -> Iterator[str]:
    with new_login(module_database_url, "operator") as url:
        yield url


@pytest.mark.usefixtures("administrator")
def test_an_operator_gets_its_answers(operator: str) -> None:
    with closing(Reports(operator)) as reports:
        assert {one["clinic_id"] for one in reports.connections()} == set(CLINICS)
        assert reports.connection(1)["freshness"]
        assert reports.backfill(1, Region.AU).percent == 100


def test_a_dispatcher_reads_the_gauges(administrator: Connection, module_database_url: str) -> None:
    administrator.execute("SELECT setval('allie_xero.outbox_id_seq', 1::bigint << 62)")
    with new_login(module_database_url, "dispatcher") as url:
        gauges = Gauges(url, changes=Rhythm().changes)
        read = gauges.read()
        gauges.close()
    assert read is not None
    found = {(one.metric, one.label): one.value for one in read}
    assert found["connections", "x"] == 2
    assert found["sequence_headroom", ""] == pytest.approx(0.5)
