"""xero-python, kept to building URLs and sending: one client for each source, over our own transport."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration

from adapters.xero.statuses import fault_of
from adapters.xero.transport import Answer, Fields, Transport
from domain.asking import Asking
from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.tokens import Access, Secret
from domain.ports import Clock

UNCHANGED = 304

PLAIN = re.compile(r"[0-9A-Za-z-]+")
"""An id that stands in a path as it is."""

ANY = "any-id"
"""Stands for every id."""

Arguments = Mapping[str, object]


class _Bearer:
    """The token as xero-python asks for it; one that never refreshes itself."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def get_auth_settings(self) -> dict[str, str]:
        value = f"Bearer {self._token.reveal()}"
        return {"type": "oauth2", "in": "header", "key": "Authorization", "value": value}


@dataclass(frozen=True, slots=True)
class _Built:
    """A request as xero-python would send it, which it takes for a good answer."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # the token is among them
    fields: Fields
    status: int = 200


class _Pool:
    """Stands in the place of xero-python's connection pool, and sends nothing."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], fields: Fields, **_ignored: object
    ) -> _Built:
        return _Built(method, url, headers, fields)


class Apis:
    """The SDK's classes by name, bound to one connection; our own transport sends what they build."""

    def __init__(self, apis: Mapping[str, Any], tenant: TenantId, transport: Transport, clock: Clock) -> None:
        self._apis = apis
        self._tenant = tenant
        self._transport = transport
        self._clock = clock
        self._details: dict[tuple[object, ...], _Built] = {}

    def list(self, api: str, method: str, arguments: Arguments) -> Asking[Answer]:
        """A call for records, answered raw."""
        return self._send(self._built(api, method, arguments))

    def detail(
        self, api: str, method: str, arguments: Arguments, id_argument: str, source_id: SourceId
    ) -> Asking[Answer]:
        """
        A call for one record, answered raw.

        Such calls differ by an id in their path: the SDK builds the first, and the others are like it.
        """
        key = (api, method, *arguments.values())
        like = self._details.get(key)
        if like is None:
            like = self._details[key] = self._built(api, method, {**arguments, id_argument: ANY})
        if ANY in like.url and PLAIN.fullmatch(source_id):
            return self._send(replace(like, url=like.url.replace(ANY, source_id)))
        return self._send(self._built(api, method, {**arguments, id_argument: source_id}))

    def _built(self, api: str, method: str, arguments: Arguments) -> _Built:
        built: _Built = getattr(self._apis[api], method)(self._tenant, **arguments, _preload_content=False)
        return built

    def _send(self, built: _Built) -> Asking[Answer]:
        """Bad answers never reach the SDK's models."""
        found = yield from self._transport.call(
            built.method, built.url, headers=built.headers, fields=built.fields
        )
        fault = fault_of(found, self._clock())
        if fault is not None:
            raise fault
        return found._replace(status=200, data=b"{}") if found.status == UNCHANGED else found


def open_apis(
    transport: Transport, tenant: TenantId, region: Region | None, access: Access, clock: Clock
) -> Apis:
    """The accounting API, and the payroll API of one region."""
    # Configuration() hands out copies of one hidden default: the token must be set after that.
    configuration = Configuration()
    configuration.oauth2_token = _Bearer(access.token)
    client = ApiClient(configuration)
    client.rest_client.pool_manager = _Pool()
    base = transport.endpoints.api
    apis: dict[str, Any] = {"accounting": AccountingApi(client, base_url=f"{base}/api.xro/2.0")}
    if region is not None:
        apis["payroll"] = _payroll(region, client, base)
    return Apis(apis, tenant, transport, clock)


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
