"""What is sent for a detail is what xero-python would send for it, though it builds only the first."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.xero.sdk import Apis, open_apis
from adapters.xero.transport import Endpoints, Transport
from builders import NOW
from domain.asking import answer_of
from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.tokens import Access, Secret
from unit.xero.server import answer, saying, serving

GUID = "0b3c6a2e-1111-2222-3333-444455556666"
OTHER = "ffffffff-1111-2222-3333-444455556666"


@contextmanager
def apis_of(region: Region) -> Iterator[tuple[Apis, list[bytes]]]:
    """The SDK's classes, and the requests that have arrived."""
    with serving(saying(answer())) as server:
        transport = Transport(Endpoints(api=server.url), observe=lambda _: None)
        access = Access(Secret("token"), 0)
        yield open_apis(transport, TenantId("t-1"), region, access, lambda: NOW), server.requests
        transport.close()


@pytest.mark.parametrize(
    "what",
    [
        (Region.AU, "get_payslip", "payslip_id", {}),
        (Region.AU, "get_employee", "employee_id", {}),
        (Region.NZ, "get_employee_leaves", "employee_id", {}),
        (Region.NZ, "get_pay_slips", "pay_run_id", {"page": 1}),
        (Region.UK, "get_employee_salary_and_wages", "employee_id", {"page": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("odd", [OTHER, "a/b", "../Employees", "a?b=c", "a b", "%2e"])
def test_a_detail_is_asked_for_as_the_sdk_asks_for_it(
    what: tuple[Region, str, str, dict[str, object]], odd: str
) -> None:
    region, method, name, more = what
    with apis_of(region) as (apis, requests):
        for one in (GUID, odd, GUID):
            answer_of(apis.detail("payroll", method, more, name, SourceId(one)))
            answer_of(apis.list("payroll", method, {**more, name: one}))  # each built anew
    assert requests[::2] == requests[1::2]
    assert requests[0] == requests[4] != requests[2]


def test_pages_of_one_detail_are_kept_apart() -> None:
    with apis_of(Region.NZ) as (apis, requests):
        for page in (1, 2, 1):
            method, arguments = "get_employee_salary_and_wages", {"page": page}
            answer_of(apis.detail("payroll", method, arguments, "employee_id", SourceId(GUID)))
    assert [b"page=1" in request for request in requests] == [True, False, True]
    assert b"page=2" in requests[1]


def test_the_token_goes_with_every_call_and_shows_in_none() -> None:
    with apis_of(Region.AU) as (apis, requests):
        for one in (GUID, OTHER):
            answer_of(apis.detail("payroll", "get_payslip", {}, "payslip_id", SourceId(one)))
        assert "Bearer" not in repr(apis._built("payroll", "get_payslip", {"payslip_id": GUID}))
    assert all(b"Authorization: Bearer token\r\n" in request for request in requests)
