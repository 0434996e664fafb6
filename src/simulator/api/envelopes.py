"""The two envelopes of Xero's APIs: the older one (accounting, AU v1) and the newer one (payroll 2.0)."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

from simulator.api.content import compact, pretty
from simulator.api.endpoint import BadRequest, Document
from simulator.replies import Reply, json_reply

_HTML = (b"content-type", b"text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What differs from answer to answer."""

    instance: str
    provider: str
    now: datetime


class Envelope(Protocol):
    """How an API wraps its documents and says no."""

    def head(self, stamp: Stamp) -> bytes:
        """A body's beginning."""
        ...

    def body(self, document: Document) -> bytes:
        """What follows the head."""
        ...

    def not_found(self, stamp: Stamp) -> Reply:
        """The answer where there is nothing."""
        ...

    def bad_request(self, stamp: Stamp, error: BadRequest) -> Reply:
        """The answer to a query that is wrong."""
        ...


class Older:
    """Capitals, indented, CRLF."""

    def head(self, stamp: Stamp) -> bytes:
        """See Envelope."""
        milliseconds = int(stamp.now.timestamp() * 1000)
        return (
            f'{{\r\n  "Id": "{stamp.instance}",\r\n  "Status": "OK",\r\n'
            f'  "ProviderName": "{stamp.provider}",\r\n  "DateTimeUTC": "/Date({milliseconds})/",\r\n'
        ).encode()

    def body(self, document: Document) -> bytes:
        """See Envelope."""
        return pretty(document)[len(b"{\r\n") :]

    def not_found(self, _: Stamp) -> Reply:
        """See Envelope: not JSON at all."""
        return Reply(404, b"The resource you're looking for cannot be found", [_HTML])

    def bad_request(self, _: Stamp, error: BadRequest) -> Reply:
        """See Envelope."""
        document = {"ErrorNumber": error.number, "Type": error.kind, "Message": error.message}
        return json_reply(400, document)


class Newer:
    """Small letters, compact, with room for pages and problems."""

    def head(self, stamp: Stamp) -> bytes:
        """See Envelope."""
        return (
            f'{{"id":"{stamp.instance}","providerName":"{stamp.provider}",'
            f'"dateTimeUTC":"{_time(stamp.now)}","httpStatusCode":"OK",'
        ).encode()

    def body(self, document: Document) -> bytes:
        """See Envelope."""
        return compact(document)[len(b"{") :]

    def not_found(self, stamp: Stamp) -> Reply:
        """See Envelope."""
        return _problem(404, stamp, "NotFound", "The resource was not found")

    def bad_request(self, stamp: Stamp, error: BadRequest) -> Reply:
        """See Envelope."""
        return _problem(400, stamp, error.kind, error.message)


def _time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"  # seven decimals, as .NET prints them


def _problem(status: int, stamp: Stamp, title: str, detail: str) -> Reply:
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": stamp.instance,
        "invalidFields": None,
    }
    document = {
        "id": stamp.instance,
        "providerName": stamp.provider,
        "dateTimeUTC": _time(stamp.now),
        "httpStatusCode": HTTPStatus(status).phrase.replace(" ", ""),
        "pagination": None,
        "problem": problem,
    }
    return json_reply(status, document)
