"""Work again what a replay has released of one clinic's failures."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from domain.errors import ServiceError
from domain.messages import WorkReplay
from domain.model.failures import FailureState
from domain.model.ids import ConnectionId
from domain.model.kept_failure import KeptFailure
from domain.model.plans import PLANS
from domain.model.replays import SLOW, UNSETTLED, ItemState, ReplayItem, ReplayState
from domain.model.sync import DetailRequest, ListRequest, Mode, Request
from domain.ports import Stores, Transaction, WorkEvent

BUSY = timedelta(seconds=2)
"""When to try again what a slice under way keeps from beginning."""


class WorkReplayOutcome(StrEnum):
    """How it went."""

    WORKED = "worked"
    NOTHING_TO_DO = "nothing_to_do"


Piece = tuple[ReplayItem, KeptFailure]


def work_replay(job: WorkReplay, *, transaction: Transaction, work_event: WorkEvent) -> WorkReplayOutcome:
    """
    Put lists and records back on their connections' to-do lists, and work events, each under its own id.

    What is read is paced by the clinic's budget as ever, and what becomes of it is seen by the dispatcher. An
    event that ended its worker is not tried a second time. A second delivery of the job does nothing.
    """
    with transaction(job.clinic_id) as stores:
        replay = stores.replays.get(job.replay_id)
        runs = replay is not None and replay.state is ReplayState.RUNNING
        pieces = [one for one in _pieces(stores, job) if runs or one[0].state is ItemState.STARTED]
        pieces = [piece for piece in pieces if not _is_settled(stores, *piece)]
        _ask_again(stores, [piece for piece in pieces if piece[1].failure.event is None])
    events = [item for item, kept in pieces if kept.failure.event is not None]
    for item in events:
        _work(item, transaction, work_event)
    return WorkReplayOutcome.WORKED if pieces else WorkReplayOutcome.NOTHING_TO_DO


def _pieces(stores: Stores, job: WorkReplay) -> list[Piece]:
    items = stores.replays.items(job.replay_id, job.clinic_id)
    found = [(item, stores.failures.get_for_update(item.failure_id)) for item in items]
    return [(item, kept) for item, kept in found if kept is not None]


def _is_settled(stores: Stores, item: ReplayItem, kept: KeptFailure) -> bool:
    """Whether nothing has to be done: it is resolved or waits by itself, or was read again in vain."""
    if not kept.state.is_open:
        stores.replays.save_item(item.settled(ItemState.SUCCEEDED, stores.now))
        return True
    if item.state is ItemState.RELEASED:
        refusal = replace(kept, replayed_by=None).refusal
        if refusal is not None:
            stores.replays.save_item(item.settled(ItemState.SKIPPED, stores.now, refusal))
        return refusal is not None
    patience = SLOW if kept.failure.event is not None else UNSETTLED
    if item.started_at is not None and stores.now - item.started_at > patience:
        stores.replays.save_item(item.settled(ItemState.FAILED, stores.now, "nothing came of it"))
        return True
    return _was_read_in_vain(stores, item, kept)


def _was_read_in_vain(stores: Stores, item: ReplayItem, kept: KeptFailure) -> bool:
    """What is read again speaks for itself, except where it says nothing new."""
    connection_id, request = kept.failure.connection_id, kept.failure.request
    if connection_id is None or item.started_at is None:
        return False
    if isinstance(request, DetailRequest) and not stores.payroll.is_doubted(connection_id, request):
        stores.replays.save_item(item.settled(ItemState.FAILED, stores.now, "read again, and still so"))
        return True
    if isinstance(request, ListRequest):
        scan = stores.syncs.scans(connection_id).get(request.resource)
        if scan is not None and scan.finished_at is not None and scan.finished_at > item.started_at:
            stores.failures.settle(kept.id, FailureState.RESOLVED, None, "its list shows it no more")
            stores.replays.save_item(item.settled(ItemState.SUCCEEDED, stores.now))
            return True
    return False


def _ask_again(stores: Stores, pieces: Sequence[Piece]) -> None:
    """Begin what is read from Xero, connection by connection; later where a slice is under way."""
    released = [piece for piece in pieces if piece[0].state is ItemState.RELEASED]
    for connection_id in dict.fromkeys(kept.failure.connection_id for _, kept in released):
        mine = [piece for piece in released if piece[1].failure.connection_id == connection_id]
        if connection_id is None or not stores.syncs.wake(connection_id):
            stores.replays.postpone([item.id for item, _ in mine], stores.now + BUSY)
            continue
        for item, kept in mine:
            _doubt(stores, connection_id, kept.failure.request)
            stores.replays.save_item(item.started(stores.now))


def _doubt(stores: Stores, connection_id: ConnectionId, request: Request | None) -> None:
    if isinstance(request, DetailRequest):
        stores.payroll.doubt(connection_id, request)
        return
    connection = stores.connections.get(connection_id)
    if request is None or connection is None or connection.tenant is None:
        return
    stores.syncs.request(
        connection,
        mode=Mode.CHANGES,
        streams=frozenset({PLANS[connection.tenant.region].stream_of(request.resource)}),
        requested_by=None,
        traceparent=None,
    )
    stores.syncs.doubt(connection_id, request.resource)


def _work(item: ReplayItem, transaction: Transaction, work_event: WorkEvent) -> None:
    """Work one event; that it was begun is committed first."""
    with transaction(item.clinic_id) as stores:
        kept = stores.failures.get_for_update(item.failure_id)
        if kept is None or kept.failure.event is None or item.state is not ItemState.RELEASED:
            return
        item = item.started(stores.now)
        stores.replays.save_item(item)
    try:
        outcome = work_event(kept.failure.event)
    except ServiceError as error:
        again = replace(kept.failure, state=FailureState.FAILED, error=type(error).__name__)
        with transaction(item.clinic_id) as stores:
            stores.failures.record(again)
            stores.replays.save_item(item.settled(ItemState.FAILED, stores.now, type(error).__name__))
        return
    with transaction(item.clinic_id) as stores:
        stores.failures.settle(item.failure_id, FailureState.RESOLVED, None, f"replayed: {outcome}")
        stores.replays.save_item(item.settled(ItemState.SUCCEEDED, stores.now, outcome))
