"""Save what a batch brought: rows, progress, counts and notices, in one transaction."""

from collections.abc import Sequence

from domain.errors import (
    AnswerUnreadable,
    RecordNotFound,
    RequestRefused,
    ScopeMissing,
    ServiceError,
    WrongTenant,
)
from domain.model.connection import Connection
from domain.model.streams import Plan, Stream
from domain.model.sync import (
    Changes,
    DetailRequest,
    Fetched,
    ListRequest,
    Reply,
    Request,
    Tally,
)
from domain.ports import Stores
from domain.slices import noting
from domain.slices.planning import Batch, plan_of
from domain.slices.reporting import payroll_changed

SET_ASIDE = (AnswerUnreadable, RequestRefused, ScopeMissing)
"""Errors that concern one list or one record: note them, and go on with the rest."""


def save_batch(
    stores: Stores, connection: Connection, batch: Batch, fetched: Sequence[Fetched]
) -> ServiceError | None:
    """
    Write everything that came, note what did not, and give the error that must end the slice, if any.

    An answer from another organisation taints its whole batch: nothing of it is written.
    """
    plan = plan_of(connection)
    wrong = next((one for one in fetched if isinstance(one.result, WrongTenant)), None)
    if wrong is not None and isinstance(wrong.result, WrongTenant):
        stores.failures.record(noting.refusal(connection, wrong.request, wrong.result))
        return wrong.result
    replies = [(one.request, one.result) for one in fetched if isinstance(one.result, Reply)]
    changes = _save_replies(stores, connection, batch, replies)
    changes = changes.plus(_save_gone(stores, connection, fetched))
    if changes.gone:
        stores.failures.resolve_gone(connection.id, changes.gone)
    tallies = Changes(tallies=_calls(plan, fetched)).plus(changes).tallies
    stores.syncs.tally(connection.id, batch.sync, tallies)
    halted_by = None
    for one in fetched:
        if isinstance(one.result, SET_ASIDE) or _is_lost_list(one):
            _set_aside(stores, connection, batch, one)
        elif isinstance(one.result, ServiceError) and not isinstance(one.result, RecordNotFound):
            halted_by = halted_by or one.result
    notice = payroll_changed(connection, batch.lane, changes)
    if notice is not None:
        stores.outbox.add(notice, batch.sync.traceparent if batch.sync else None)
    return halted_by


def _is_lost_list(one: Fetched) -> bool:
    return isinstance(one.result, RecordNotFound) and isinstance(one.request, ListRequest)


def _save_replies(
    stores: Stores, connection: Connection, batch: Batch, replies: Sequence[tuple[Request, Reply]]
) -> Changes:
    records = [record for _, reply in replies for record in reply.records]
    changes = stores.payroll.save(connection.id, records)
    for request, reply in replies:
        if isinstance(request, DetailRequest):
            if reply.unreadable:
                stores.payroll.set_aside(connection.id, request)
        elif request.resource in batch.scans:
            changes = changes.plus(_advance(stores, connection, batch, request, reply))
    looping = [request for request, reply in replies if _loops(batch, request, reply)]
    noting.note_replies(stores, connection, replies, looping)
    noting.note_ties(stores, connection, changes.ties)
    return changes


def _loops(batch: Batch, request: Request, reply: Reply) -> bool:
    scan = batch.scans.get(request.resource)
    return scan is not None and scan.loops(reply)


def _advance(
    stores: Stores, connection: Connection, batch: Batch, request: ListRequest, reply: Reply
) -> Changes:
    """Move a scan on; a full one that has come to its end tells what has vanished."""
    scan = batch.scans[request.resource]
    advanced = scan.advanced(reply, stores.now)
    stores.syncs.save_scan(connection.id, advanced)
    if advanced.is_under_way:
        if scan.is_full:
            stores.payroll.note_seen(connection.id, request, reply)
        return Changes()
    if batch.sync is not None and batch.sync.looks_twice(request.resource, batch.scans):
        stores.payroll.doubt_newest(connection.id)
    is_whole = scan.is_full and not scan.loops(reply)
    return _unseen(stores, connection, request, reply) if is_whole else Changes()


def _unseen(stores: Stores, connection: Connection, request: ListRequest, reply: Reply) -> Changes:
    """What a full scan did not show; that it shows nothing at all where there was something is told."""
    is_empty = request.page == 1 and not reply.records and not reply.unreadable
    if is_empty and stores.payroll.count(connection.id, request.resource):
        stores.failures.record(noting.oddity(connection, request, noting.EMPTY))
    elif is_empty:
        noting.note_empty(stores, connection, [request.resource])
    return stores.payroll.doubt_unseen(connection.id, request, reply)


def _save_gone(stores: Stores, connection: Connection, fetched: Sequence[Fetched]) -> Changes:
    gone = [
        one.request
        for one in fetched
        if isinstance(one.result, RecordNotFound) and isinstance(one.request, DetailRequest)
    ]
    if not gone:
        return Changes()
    changes = stores.payroll.gone(connection.id, gone)
    noting.note_ties(stores, connection, changes.ties)
    # A pay run is read as its payslips in some countries, and listed as a pay run in all.
    streams = {Stream.PAY_RUNS, *(plan_of(connection).stream_of(one.resource) for one in gone)}
    lists = [spec.resource for spec in plan_of(connection).lists if spec.stream in streams]
    noting.note_empty(stores, connection, lists)
    return changes


def _calls(plan: Plan, fetched: Sequence[Fetched]) -> dict[Stream, Tally]:
    by_stream: dict[Stream, list[Fetched]] = {}
    for one in fetched:
        by_stream.setdefault(plan.stream_of(one.request.resource), []).append(one)
    return {stream: _tally(found) for stream, found in by_stream.items()}


def _tally(fetched: Sequence[Fetched]) -> Tally:
    replies = [one.result for one in fetched if isinstance(one.result, Reply)]
    return Tally(
        calls=sum(one.result.calls for one in fetched),
        wire_bytes=sum(one.wire_bytes for one in replies),
        unreadable=sum(len(one.unreadable) for one in replies),
    )


def _set_aside(stores: Stores, connection: Connection, batch: Batch, one: Fetched) -> None:
    assert isinstance(one.result, ServiceError)  # noqa: S101
    if isinstance(one.request, ListRequest):
        scan = batch.scans[one.request.resource]
        fault = type(one.result).__name__
        stores.syncs.save_scan(connection.id, scan.failed(fault, stores.now))
    else:
        stores.payroll.set_aside(connection.id, one.request)
    stores.failures.record(noting.refusal(connection, one.request, one.result))
