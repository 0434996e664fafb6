"""New Zealand and the United Kingdom have no status of staff: who has left is told by the country's day."""

import json
from datetime import UTC, datetime

import pytest

from adapters.xero.source import open_source
from adapters.xero.transport import Endpoints, Transport
from domain.asking import answer_of
from domain.model.connection import Region
from domain.model.ids import TenantId
from domain.model.streams import Resource
from domain.model.sync import ListRequest
from domain.model.tokens import Access, Secret
from unit.xero.server import answer, saying, serving


@pytest.mark.parametrize(
    ("region", "answered_at", "status"),
    [
        (Region.NZ, "2026-01-20T10:59:59.0000000", "active"),
        (Region.NZ, "2026-01-20T11:00:00.0000000", "terminated"),
        (Region.NZ, "2026-07-20T11:59:59.0000000", "active"),
        (Region.NZ, "2026-07-20T12:00:00.0000000", "terminated"),
        (Region.UK, "2026-01-20T23:59:59.0000000", "active"),
        (Region.UK, "2026-01-21T00:00:00.0000000", "terminated"),
        (Region.UK, "2026-07-20T22:59:59.0000000", "active"),
        (Region.UK, "2026-07-20T23:00:00.0000000", "terminated"),
    ],
)
def test_a_last_day_is_over_at_the_countrys_midnight_by_xeros_clock(
    region: Region, answered_at: str, status: str
) -> None:
    last_day = answered_at[:8] + "20T00:00:00"
    staff = [{"employeeID": "a", "endDate": last_day}, {"employeeID": "b", "endDate": None}]
    body = json.dumps({"dateTimeUTC": answered_at, "employees": staff}).encode()
    with serving(saying(answer(body))) as server:
        transport = Transport(Endpoints(api=server.url), observe=lambda _: None)
        source = open_source(transport, lambda: datetime(2000, 1, 1, tzinfo=UTC))
        opened = source(TenantId("t"), region, Access(Secret("x"), 0))
        reply = answer_of(opened.ask(ListRequest(Resource.EMPLOYEES)))
    transport.close()
    assert [one.status for one in reply.records] == [status, "active"]  # type: ignore[union-attr]
