"""What is sent for a detail is what xero-python would send for it, though it builds only the first."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from adapters.xero.sdk import Apis, open_apis
from adapters.xero.transport import Answer, Endpoints, Transport
from builders import NOW
from domain.asking import Asking, answer_of
from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.tokens import Access, Secret

GUID = "0b3c6a2e-1111-2222-3333-444455556666"
OTHER = "ffffffff-1111-2222-3333-444455556666"


class Noting(Transport):
    """Notes what it is to send, and answers everything."""

    def __init__(self) -> None:
        super().__init__(Endpoints(), observe=lambda _: None)
        self.sent: list[tuple[str, str, Any, Mapping[str, str]]] = []

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Any = None,
        **_ignored: Any,
    ) -> Asking[Answer]:
        self.sent.append((method, url, fields, headers or {}))
        yield
        return Answer(200, {}, b"{}", 2)


@pytest.fixture
def transport() -> Iterator[Noting]:
    transport = Noting()
    yield transport
    transport.close()


def apis_of(transport: Transport, region: Region) -> Apis:
    return open_apis(transport, TenantId("t-1"), region, Access(Secret("token"), 0), lambda: NOW)


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
    transport: Noting, what: tuple[Region, str, str, dict[str, object]], odd: str
) -> None:
    region, method, name, more = what
    apis = apis_of(transport, region)
    for one in (GUID, odd, GUID):
        answer_of(apis.detail("payroll", method, more, name, SourceId(one)))
        whole = apis._built("payroll", method, {**more, name: one})
        sent = (whole.method, whole.url, whole.options["fields"], whole.options["headers"])
        assert transport.sent[-1] == sent


def test_pages_of_one_detail_are_kept_apart(transport: Noting) -> None:
    apis = apis_of(transport, Region.NZ)
    for page in (1, 2, 1):
        arguments = {"page": page}
        answer_of(
            apis.detail("payroll", "get_employee_salary_and_wages", arguments, "employee_id", SourceId(GUID))
        )
    assert [dict(fields)["page"] for _, _, fields, _ in transport.sent] == [1, 2, 1]


def test_the_token_goes_with_every_call_and_shows_in_none(transport: Noting) -> None:
    apis = apis_of(transport, Region.AU)
    for one in (GUID, OTHER):
        answer_of(apis.detail("payroll", "get_payslip", {}, "payslip_id", SourceId(one)))
    assert [headers["Authorization"] for *_, headers in transport.sent] == ["Bearer token"] * 2
    assert "Bearer" not in repr(apis._built("payroll", "get_payslip", {"payslip_id": GUID}))
