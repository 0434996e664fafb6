"""Lists of Xero's older APIs: If-Modified-Since, `where`, `order` and pages of a hundred."""

from collections.abc import Callable, Iterable
from typing import Any

from simulator.api.endpoint import PAGE_SIZE, BadRequest, Call, Document, NotModified, page_number
from simulator.api.query import QueryParseError, comparable, order, where
from simulator.regions.wire import Row, present


def listing(
    key: str,
    items: Callable[[Call], Iterable[Any]],
    render: Callable[[Call, Any], Row],
    *,
    pages: bool = True,
    keep: Callable[[Row], bool] | None = None,
) -> Callable[[Call], Document]:
    """A list with If-Modified-Since, `where`, `order` and pages; `keep` holds unless `where` is given."""

    def answer(call: Call) -> Document:
        chosen = modified(call, items(call))
        if "where" in call.query or "order" in call.query or keep:
            rows = _queried(call, key, [render(call, item) for item in chosen], keep)
            return {key: [present(row) for row in (paged(call, rows) if pages else rows)]}
        chosen = paged(call, chosen) if pages else chosen
        return {key: [present(render(call, item)) for item in chosen]}

    return answer


def modified(call: Call, items: Iterable[Any]) -> list[Any]:
    """What changed since If-Modified-Since; raise NotModified where the simulator answers so."""
    since = call.modified_since
    if since is None:
        return list(items)
    inclusive = call.settings.modified_since_inclusive
    newer = [i for i in items if i.updated_at > since or (inclusive and i.updated_at == since)]
    if not newer and call.settings.not_modified == "304":
        raise NotModified
    return newer


def _queried(call: Call, key: str, rows: list[Row], keep: Callable[[Row], bool] | None) -> list[Row]:
    expression, by = call.query.get("where"), call.query.get("order")
    if (expression and key in call.settings.refuse_where) or (by and key in call.settings.refuse_order):
        raise BadRequest(f"{key} cannot be filtered or ordered")
    try:
        if keep and not (expression and "status" in expression.lower()):
            rows = [row for row in rows if keep(row)]
        if expression and rows:
            test = where(expression, rows[0])
            rows = [row for row in rows if test(row)]
        if by and rows:
            name, downwards = order(by, rows[0])
            rows = [r for r in rows if r[name] is None] + sorted(
                (r for r in rows if r[name] is not None),
                key=lambda r: comparable(r[name]),
                reverse=downwards,
            )
    except QueryParseError as error:
        raise BadRequest(str(error)) from error
    return rows


def paged(call: Call, rows: list[Any]) -> list[Any]:
    """The page asked for."""
    if "page" not in call.query:
        return rows[: call.settings.page_size_without_page]
    start = (page_number(call.query) - 1) * PAGE_SIZE
    return rows[start : start + PAGE_SIZE]
