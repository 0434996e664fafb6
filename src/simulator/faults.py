"""Faults to inject: which requests they hit, and what they do to an answer."""

import fnmatch
import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Literal

import msgspec

from simulator.replies import Reply

Before = Literal["status", "rate_limit", "redirect", "delay", "hang", "reset", "page_loop", "wrong_tenant"]
After = Literal["lost", "cut", "truncated", "html", "huge"]
Record = Literal[
    "malformed",
    "missing_id",
    "nulls",
    "text_numbers",
    "unknown_enum",
    "unknown_field",
    "odd_numbers",
    "emoji",
]
_NAN = "\N{REPLACEMENT CHARACTER}NaN"
_HTML = b"<html><head><title>Sorry</title></head><body><h1>An error occurred</h1></body></html>"


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """
    What to break, for whom, and how often.

    `path` is a pattern such as `/payroll.xro/*/PayRuns*`, case ignored. Of the matching requests the
    first `skip` go free, then `count` (all, if None) are hit, each with `probability`.
    """

    kind: Before | After | Record
    path: str = "*"
    method: str | None = None
    tenant: str | None = None
    probability: float = 1.0
    seed: int = 0
    skip: int = 0
    count: int | None = None
    status: int = 503  # status, html
    body: str = ""
    headers: dict[str, str] = {}
    seconds: float = 1.0  # delay, hang
    problem: str = "minute"  # rate_limit
    retry_after: str | None = "30"
    location: str = "https://elsewhere.example/"  # redirect
    fraction: float = 0.5  # cut, truncated: how much of the body is sent
    size: int = 10_000_000  # huge
    record: int = 0  # which record of a list
    within: str | None = None  # look for the record in this list of the first record, such as Payslips
    field: str | None = None  # which field of the record; a fitting one if None
    value: str | None = None  # what to put there
    other_tenant: str | None = None  # wrong_tenant; any other one if None
    id: int = 0
    hits: int = 0
    seen: int = 0


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self.rules: dict[int, Fault] = {}
        self._chances: dict[int, Random] = {}
        self._made = 0

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._made += 1
        fault.id = self._made
        self.rules[fault.id] = fault
        self._chances[fault.id] = Random(fault.seed)
        return fault

    def remove(self, fault_id: int) -> bool:
        """Lift a fault; False if there is none of that id."""
        return self.rules.pop(fault_id, None) is not None

    def hitting(self, method: str, path: str, tenant: str | None) -> list[Fault]:
        """The faults that hit this request; each counts it."""
        if not self.rules:
            return []
        return [fault for fault in self.rules.values() if self._hits(fault, method, path, tenant)]

    def _hits(self, fault: Fault, method: str, path: str, tenant: str | None) -> bool:
        if fault.method not in (None, method) or fault.tenant not in (None, tenant):
            return False
        if not fnmatch.fnmatchcase(path.lower(), fault.path.lower()):
            return False
        fault.seen += 1
        spent = fault.count is not None and fault.hits >= fault.count
        if fault.seen <= fault.skip or spent:
            return False
        if fault.probability < 1 and self._chances[fault.id].random() >= fault.probability:
            return False
        fault.hits += 1
        return True


def instead(fault: Fault) -> Reply | None:
    """The answer that a fault gives in place of the real one, if it does."""
    headers = [(k.lower().encode(), v.encode()) for k, v in fault.headers.items()]
    if fault.kind == "status":
        return Reply(fault.status, fault.body.encode(), headers)
    if fault.kind == "redirect":
        return Reply(302, b"", [(b"location", fault.location.encode()), *headers])
    if fault.kind == "rate_limit":
        headers.append((b"x-rate-limit-problem", fault.problem.encode()))
        if fault.retry_after is not None:
            headers.append((b"retry-after", fault.retry_after.encode()))
        return Reply(429, fault.body.encode(), headers)
    return None


def altered(fault: Fault, reply: Reply) -> Reply:
    """The answer as the fault leaves it."""
    if fault.kind == "html":
        return Reply(fault.status, _HTML, [(b"content-type", b"text/html; charset=utf-8")])
    if fault.kind == "huge":
        return Reply(reply.status, b'{"padding": "%s"}' % (b"x" * fault.size), reply.headers)
    if fault.kind == "truncated":
        whole = reply.plain()
        return Reply(reply.status, whole[: int(len(whole) * fault.fraction)], reply.headers)
    if fault.kind in _RECORDS:
        return Reply(reply.status, _with_broken_record(fault, reply.plain()), reply.headers)
    return reply


def _with_broken_record(fault: Fault, body: bytes) -> bytes:
    root = {"": json.loads(body, parse_float=Decimal)}
    place = _record(root, "", 0 if fault.within else fault.record)
    if place and fault.within:
        place = _record(place[0][place[1]], fault.within, fault.record)
    if place is None:
        return body
    holder, key = place
    if fault.kind == "malformed":
        holder[key] = fault.value or "not a record"
    else:
        _RECORDS[fault.kind](holder[key], fault)
    text = msgspec.json.Encoder(decimal_format="number").encode(root[""]).decode()
    return text.replace(f'"{_NAN}"', "NaN").encode()


def _record(holder: Any, key: Any, index: int) -> tuple[Any, Any] | None:
    """Where a record lives: in the first list with any, else the first object, else it is the whole."""
    value = holder.get(key, []) if isinstance(holder, dict) else holder[key]
    if isinstance(value, list):
        lists = [value]
    elif key in {"", "PayItems"}:
        lists = [inner for inner in value.values() if isinstance(inner, list)]
    else:
        return holder, key
    if lists:
        filled = next((rows for rows in lists if rows), None)
        return (filled, min(index, len(filled) - 1)) if filled else None
    objects = [k for k, inner in value.items() if isinstance(inner, dict) and k != "pagination"]
    return _record(value, objects[0], index) if objects else (holder, key)


def _missing_id(record: dict[str, Any], fault: Fault) -> None:
    record.pop(fault.field or next((k for k in record if k.lower().endswith("id")), ""), None)


def _nulls(record: dict[str, Any], fault: Fault) -> None:
    for key in [fault.field] if fault.field else [k for k in record if not k.lower().endswith("id")]:
        record[key] = None


def _text_numbers(record: dict[str, Any], _: Fault) -> None:
    for key, value in record.items():
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            record[key] = str(value)


def _unknown_enum(record: dict[str, Any], fault: Fault) -> None:
    names = [k for k in record if k.lower().endswith(("status", "type")) and isinstance(record[k], str)]
    for key in [fault.field] if fault.field else names[:1]:
        record[key] = fault.value or "BRANDNEW"


def _unknown_field(record: dict[str, Any], fault: Fault) -> None:
    record[fault.field or "BrandNewField"] = fault.value or {"TaxFileNumber": "123456782"}


def _odd_numbers(record: dict[str, Any], fault: Fault) -> None:
    odd = [_NAN, Decimal("1e400"), Decimal("99999999999999999999999999.999999999999")]
    numbers = [k for k, v in record.items() if isinstance(v, int | Decimal) and not isinstance(v, bool)]
    for number, key in enumerate([fault.field] if fault.field else numbers):
        record[key] = odd[number % len(odd)]


def _emoji(record: dict[str, Any], fault: Fault) -> None:
    names = [k for k in record if k.lower().endswith("name") and isinstance(record[k], str)]
    for key in [fault.field] if fault.field else names:
        record[key] = fault.value or "Zo\u0308e \U0001f469\u200d\u2695\ufe0f \u202etxt"


_RECORDS: dict[str, Callable[[dict[str, Any], Fault], None]] = {
    "malformed": lambda _, __: None,
    "missing_id": _missing_id,
    "nulls": _nulls,
    "text_numbers": _text_numbers,
    "unknown_enum": _unknown_enum,
    "unknown_field": _unknown_field,
    "odd_numbers": _odd_numbers,
    "emoji": _emoji,
}
