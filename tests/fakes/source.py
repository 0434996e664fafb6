"""An organisation's payroll at Xero, in memory: lists with pages and changes, details one by one."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from domain.asking import Asking
from domain.errors import AccessExpired, RecordNotFound
from domain.model.budget import LimitsSeen
from domain.model.connection import Region
from domain.model.ids import SourceId, TenantId
from domain.model.payroll import Organisation, Record
from domain.model.streams import Resource
from domain.model.sync import DetailRequest, ListRequest, Reply, Request
from domain.model.tokens import Access
from domain.ports import Clock

WIRE_BYTES = 100
"""What every answer weighs here."""

Accepts = Callable[[Access], bool]


@dataclass
class ScriptedPayroll:
    """
    What Xero holds, and what goes wrong when it is read.

    `open` is a `domain.ports.OpenSource`. `limits` is what every answer says is left, `calls` how many a
    request takes; `meanwhile` runs before the answer to each, on the thread that asked; `requests` are all
    that were made. `beside` is what else comes with a detail.
    """

    clock: Clock
    accepts: Accepts = lambda _access: True
    page_size: int = 100
    limits: Callable[[], LimitsSeen] = LimitsSeen
    calls: Callable[[Request], int] = lambda _request: 1
    meanwhile: Callable[[Request], None] = lambda _request: None
    lists: dict[Resource, dict[SourceId, Record]] = field(default_factory=dict)
    details: dict[DetailRequest, Record] = field(default_factory=dict)
    beside: dict[DetailRequest, tuple[Record, ...]] = field(default_factory=dict)
    replies: dict[Request, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    most_in_flight: int = 0
    _errors: dict[Request | None, deque[Exception]] = field(default_factory=dict)
    _in_flight: int = 0
    _lock: Lock = field(default_factory=Lock)

    def show(self, resource: Resource, *records: Any) -> None:
        """Put records on a list, in place of what bears the same id."""
        shown = self.lists.setdefault(resource, {})
        shown.update({_id(record): record for record in records})

    def hold(self, resource: Resource, *records: Any) -> None:
        """Let records be asked for one by one."""
        self.details.update({DetailRequest(resource, _id(record)): record for record in records})

    def remove(self, list_: Resource, detail: Resource, source_id: SourceId) -> None:
        """A record is gone."""
        self.lists[list_].pop(source_id, None)
        self.details.pop(DetailRequest(detail, source_id), None)

    def fail(self, request: Request | None, *errors: Exception) -> None:
        """The next answers to a request, or to any if it is None, are these errors."""
        self._errors.setdefault(request, deque()).extend(errors)

    def open(self, tenant: TenantId, region: Region | None, access: Access) -> "ScriptedPayrollSource":  # noqa: ARG002
        return ScriptedPayrollSource(self, tenant, access)

    def asked(self, request: Request, access: Access) -> Asking[Reply]:
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            scripted = self._errors.get(request) or self._errors.get(None)
            error = scripted.popleft() if scripted else None
        try:
            for _ in range(self.calls(request)):
                yield
                self.meanwhile(request)
            if error is not None:
                raise error
            if not self.accepts(access):
                raise AccessExpired("not accepted")
            return replace(self.replies.get(request) or self._reply(request), calls=self.calls(request))
        finally:
            with self._lock:
                self._in_flight -= 1

    def _reply(self, request: Request) -> Reply:
        if isinstance(request, DetailRequest):
            if request not in self.details:
                raise RecordNotFound("no such record")
            return self._with((self.details[request], *self.beside.get(request, ())))
        found = [
            one for one in self.lists.get(request.resource, {}).values() if _is_since(one, request.since)
        ]
        start = (request.page - 1) * self.page_size
        page = tuple(found[start : start + self.page_size])
        return self._with(page, more=len(page) == self.page_size)

    def _with(self, records: tuple[Record, ...], *, more: bool = False) -> Reply:
        return Reply(records=records, at=self.clock(), wire_bytes=WIRE_BYTES, more=more, limits=self.limits())


@dataclass(frozen=True, slots=True)
class ScriptedPayrollSource:
    """See `domain.ports.PayrollSource`."""

    payroll: ScriptedPayroll
    tenant: TenantId
    access: Access

    def ask(self, request: Request) -> Asking[Reply]:
        """As scripted; but whoever is asked is the organisation that answers."""
        reply = yield from self.payroll.asked(request, self.access)
        records = (
            replace(one, id=self.tenant) if isinstance(one, Organisation) else one for one in reply.records
        )
        return replace(reply, records=tuple(records))


def _id(record: Any) -> SourceId:
    summary = getattr(record, "summary", record)
    return SourceId(getattr(summary, "id", None) or getattr(summary, "payslip_id", None) or "only")


def _is_since(record: Any, since: datetime | None) -> bool:
    updated_at = getattr(getattr(record, "summary", record), "source_updated_at", None)
    return since is None or updated_at is None or updated_at > since


def lists_of(requests: list[Request]) -> list[Resource]:
    """Which lists were asked for, in order."""
    return [one.resource for one in requests if isinstance(one, ListRequest)]


def details_of(requests: list[Request]) -> list[DetailRequest]:
    """Which details were asked for, in order."""
    return [one for one in requests if isinstance(one, DetailRequest)]
