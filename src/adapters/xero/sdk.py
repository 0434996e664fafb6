"""xero-python, kept to building URLs and sending: one client for each source, over our own transport."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration

from adapters.xero.statuses import fault_of
from adapters.xero.transport import Answer, Transport
from domain.model.connection import Region
from domain.model.tokens import Access, Secret
from domain.ports import Clock

UNCHANGED = 304


class _Bearer:
    """The token as xero-python asks for it; one that never refreshes itself."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def get_auth_settings(self) -> dict[str, str]:
        value = f"Bearer {self._token.reveal()}"
        return {"type": "oauth2", "in": "header", "key": "Authorization", "value": value}


class _Pool:
    """Our transport in the place of xero-python's connection pool; bad answers never reach its models."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    def request(self, method: str, url: str, **options: Any) -> Answer:
        answer = self._transport.request(method, url, **options)
        fault = fault_of(answer, self._clock())
        if fault is not None:
            raise fault
        return replace(answer, status=200, data=b"{}") if answer.status == UNCHANGED else answer


@dataclass(frozen=True, slots=True)
class Apis:
    """The SDK's classes by name, bound to one connection's token."""

    apis: Mapping[str, Any]

    def call(self, api: str, method: str, tenant: str, arguments: Mapping[str, object]) -> Answer:
        """One call, answered raw."""
        answer: Answer = getattr(self.apis[api], method)(tenant, **arguments, _preload_content=False)
        return answer


def open_apis(transport: Transport, region: Region | None, access: Access, clock: Clock) -> Apis:
    """The accounting API, and the payroll API of one region."""
    # Configuration() hands out copies of one hidden default: the token must be set after that.
    configuration = Configuration()
    configuration.oauth2_token = _Bearer(access.token)
    client = ApiClient(configuration)
    client.rest_client.pool_manager = _Pool(transport, clock)
    base = transport.endpoints.api
    apis: dict[str, Any] = {"accounting": AccountingApi(client, base_url=f"{base}/api.xro/2.0")}
    if region is not None:
        apis["payroll"] = _payroll(region, client, base)
    return Apis(apis)


def _payroll(region: Region, client: ApiClient, base: str) -> Any:
    """Each package is loaded when it is first needed: a fleet is seldom in all three countries."""
    match region:
        case Region.AU:
            from xero_python.payrollau import PayrollAuApi  # noqa: PLC0415

            return PayrollAuApi(client, base_url=f"{base}/payroll.xro/1.0")
        case Region.NZ:
            from xero_python.payrollnz import PayrollNzApi  # noqa: PLC0415

            return PayrollNzApi(client, base_url=f"{base}/payroll.xro/2.0")
        case Region.UK:
            from xero_python.payrolluk import PayrollUkApi  # noqa: PLC0415

            return PayrollUkApi(client, base_url=f"{base}/payroll.xro/2.0")
