"""One organisation's payroll, read over xero-python."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from adapters.xero.documents import document_of, xeros_clock
from adapters.xero.readings import Document, Joined, Reading, records_of
from adapters.xero.regions import accounting, au, nz, uk
from adapters.xero.sdk import Apis, open_apis
from adapters.xero.statuses import limits_seen
from adapters.xero.transport import Answer, Transport
from adapters.xero.vocabulary import unknown_in
from domain.asking import Asking
from domain.errors import AnswerUnreadable, ServiceError, WrongTenant
from domain.model.budget import LimitsSeen
from domain.model.connection import Region
from domain.model.ids import TenantId
from domain.model.payroll import Organisation, PayRunDetail, Record
from domain.model.streams import Resource
from domain.model.sync import DetailRequest, ListRequest, Reply, Request, Unreadable
from domain.model.tokens import Access
from domain.ports import Clock, OpenSource

PAGE = 100
"""Records of a full page; AU says no more than that about whether another follows."""

MAX_DETAIL_PAGES = 20
"""Two thousand payslips of one pay run, or salaries of one employee: more is a loop."""

REGIONS: dict[Region | None, dict[Resource, Reading | Joined]] = {
    None: {**accounting.READINGS},
    Region.AU: {**accounting.READINGS, **au.READINGS},
    Region.NZ: {**accounting.READINGS, **nz.READINGS},
    Region.UK: {**accounting.READINGS, **uk.READINGS},
}


class Pagination(msgspec.Struct):
    """How many pages a list of the newer APIs has."""

    pageCount: int | None = None


@dataclass(slots=True)
class _Calls:
    """What one request has cost so far, and what the answer to its last call said is left."""

    made: int = 0
    wire_bytes: int = 0
    limits: LimitsSeen = field(default_factory=LimitsSeen)

    def of(self, call: Asking[Answer]) -> Asking[Answer]:
        """Make a call; one that is not answered is made all the same."""
        self.made += 1
        self.limits = LimitsSeen()
        answer = yield from call
        self.wire_bytes += answer.wire_bytes
        self.limits = limits_seen(answer.headers)
        return answer


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer, read."""

    found: list[Any]
    unreadable: list[Unreadable]
    held: int
    at: datetime
    more: bool


class XeroPayrollSource:
    """
    See `domain.ports.PayrollSource`.

    Holds one connection's token, so it is made for one slice and never shared between connections.
    """

    def __init__(
        self, transport: Transport, tenant: TenantId, region: Region | None, access: Access, clock: Clock
    ) -> None:
        self._tenant = tenant
        self._readings = REGIONS[region]
        self._clock = clock
        self._apis: Apis = open_apis(transport, tenant, region, access, clock)

    def ask(self, request: Request) -> Asking[Reply]:
        """Answer one request: with one GET, or as many as a detail takes."""
        calls = _Calls()
        try:
            return (yield from self._read(request, calls))
        except ServiceError as error:
            error.calls, error.limits = calls.made, error.limits or calls.limits
            raise

    def _read(self, request: Request, calls: _Calls) -> Asking[Reply]:
        reading = self._readings[request.resource]
        if isinstance(reading, Joined):
            assert isinstance(request, DetailRequest), "only details are joined"  # noqa: S101
            return (yield from self._joined(reading, request, calls))
        number = request.page if isinstance(request, ListRequest) else 1
        page = yield from self._page(reading, request, number, calls)
        self._check(request, page.found, page.held)
        return Reply(
            records=tuple(page.found),
            unreadable=tuple(page.unreadable),
            more=reading.is_paged and page.more,
            head=_id(page.found[0]) if page.found else None,
            at=page.at,
            wire_bytes=calls.wire_bytes,
            limits=calls.limits,
            unknown_values=unknown_in(page.found),
        )

    def _joined(self, reading: Joined, request: DetailRequest, calls: _Calls) -> Asking[Reply]:
        answers: list[list[_Page]] = []
        for one in reading.readings:
            answers += [(yield from self._pages(one, request, calls))]
        pages = [page for answer in answers for page in answer]
        if reading.confirm is not None and not any(page.held for page in pages):
            pages.append((yield from self._page(reading.confirm, request, 1, calls)))
        unreadable = [one for page in pages for one in page.unreadable]
        pieces = [[found for page in answer for found in page.found] for answer in answers]
        records: list[Record] = []
        if not unreadable:
            try:
                records = list(reading.join(request.source_id, pieces))
            except (ValueError, ArithmeticError) as error:
                unreadable = [Unreadable(request.source_id, str(error)[:200])]
        self._check(request, records, len(pages))
        return Reply(
            records=tuple(records),
            unreadable=tuple(replace(one, source_id=request.source_id) for one in unreadable[:1]),
            at=pages[-1].at,
            wire_bytes=calls.wire_bytes,
            calls=calls.made,
            limits=calls.limits,
            unknown_values=unknown_in(records),
        )

    def _pages(self, reading: Reading, request: DetailRequest, calls: _Calls) -> Asking[list[_Page]]:
        """Every page of what belongs to one record; a page that comes again, or one too many, is a fault."""
        pages: list[_Page] = []
        for number in range(1, MAX_DETAIL_PAGES + 1):
            page = yield from self._page(reading, request, number, calls)
            if page.found and pages and page.found == pages[-1].found:
                raise AnswerUnreadable("Xero gives the same page again and again")
            pages.append(page)
            if not reading.is_paged or not page.more or not page.held:
                return pages
        raise AnswerUnreadable("Xero gives more pages than one record can have")

    def _page(self, reading: Reading, request: Request, number: int, calls: _Calls) -> Asking[_Page]:
        answer = yield from calls.of(self._call(reading, request, number))
        document = document_of(answer)
        found, unreadable, held = records_of(reading, document)
        at = xeros_clock(document, answer, self._clock())
        return _Page(
            found=[reading.as_of(one, at) for one in found] if reading.as_of else found,
            unreadable=unreadable,
            held=held,
            at=at,
            more=has_more(document, held, number),
        )

    def _call(self, reading: Reading, request: Request, number: int) -> Asking[Answer]:
        arguments: dict[str, object] = dict(reading.arguments)
        if reading.is_paged:
            arguments["page"] = number
        if isinstance(request, DetailRequest):
            name = str(reading.id_argument)
            return self._apis.detail(reading.api, reading.method, arguments, name, request.source_id)
        if request.since is not None and reading.since_argument is not None:
            arguments[reading.since_argument] = reading.since(request.since)
        return self._apis.list(reading.api, reading.method, arguments)

    def _check(self, request: Request, found: list[Any], held: int) -> None:
        """Refuse an answer that is not about what was asked."""
        for record in found:
            if isinstance(record, Organisation) and record.id != self._tenant:
                raise WrongTenant("Xero answered with another organisation")
            if isinstance(record, PayRunDetail) and any(
                slip.pay_run_id != record.id for slip in record.payslips
            ):
                raise WrongTenant("Xero answered with another pay run's payslips")
        if isinstance(request, DetailRequest):
            if not held:
                raise AnswerUnreadable("Xero's answer holds no record")
            if found and _id(found[0]) != request.source_id:
                raise WrongTenant("Xero answered with another record")


def _id(record: Any) -> str | None:
    """The id that a record is asked for by."""
    record = getattr(record, "summary", None) or record
    return getattr(record, "id", None) or getattr(record, "payslip_id", None)


def has_more(document: Document, held: int, number: int) -> bool:
    """Whether another page follows: as the answer says, or by this one being full."""
    if "pagination" not in document:
        return held >= PAGE
    try:
        pages = msgspec.json.decode(document["pagination"], type=Pagination | None, strict=False)
    except msgspec.ValidationError:
        return held >= PAGE
    if pages is None or not pages.pageCount:
        return held >= PAGE
    return pages.pageCount > number


def open_source(transport: Transport, clock: Clock) -> OpenSource:
    """How the use cases open a source: see `domain.ports.OpenSource`."""

    def opened(tenant: TenantId, region: Region | None, access: Access) -> XeroPayrollSource:
        return XeroPayrollSource(transport, tenant, region, access, clock)

    return opened
