"""
Whose answers these are.

Xero's payroll does not say, so what could as well be another organisation's is believed only together with an
answer that says it: the organisation's own.
"""

from collections.abc import Sequence
from datetime import timedelta

from domain.errors import OriginUnknown, RecordNotFound, ServiceError, WrongTenant
from domain.model.connection import Connection
from domain.model.ids import SourceId
from domain.model.streams import Resource
from domain.model.sync import DetailRequest, Fetched, ListRequest, Reply
from domain.ports import Stores
from domain.slices.fetching import HALTING
from domain.slices.planning import plan_of

WHOSE = ListRequest(Resource.ORGANISATION)
"""The question that settles it."""

LASTS = timedelta(minutes=1)
"""How long an answer to it speaks for what follows: a first sync's later pages need no proof of their own."""


def is_doubtful(stores: Stores, connection: Connection, fetched: Sequence[Fetched]) -> bool:
    """
    Whether a batch holds what could be another organisation's, and no proof that it is not.

    Ids are unique over all organisations, so a list that shows only ids which we hold is ours. Settings have
    none, and a user may be in many organisations, so the lists of what seldom moves never prove themselves.
    """
    in_need = [one for one in fetched if _needs_proof(one)]
    if not in_need or any(_settles(connection, one) for one in fetched) or _is_settled(stores, connection):
        return False
    moving = {spec.resource for spec in plan_of(connection).lists if not spec.rest}
    shown = {
        one.request.resource: one.result.shown
        for one in in_need
        if isinstance(one.result, Reply) and one.request.resource in moving
    }
    return len(shown) < len(in_need) or not stores.payroll.holds(connection.id, shown)


def believed(connection: Connection, fetched: Sequence[Fetched], answers: Sequence[Fetched]) -> list[Fetched]:
    """
    A doubtful batch with the answer to whose it is.

    Without one, what needs proof is left out, as if it had not been asked for.
    """
    if any(_settles(connection, one) for one in answers):
        return [*fetched, *answers]
    kept = [one for one in fetched if not _needs_proof(one)]
    return [*kept, *(Fetched(one.request, _why_not(one.result)) for one in answers)]


def _needs_proof(one: Fetched) -> bool:
    """A detail is proof of itself, by the id that it was asked for by; that there is none is not."""
    if isinstance(one.request, DetailRequest):
        return isinstance(one.result, RecordNotFound)
    return isinstance(one.result, Reply) and bool(one.result.records or one.result.unreadable)


def _is_settled(stores: Stores, connection: Connection) -> bool:
    """Whether a pass has read a moment ago that this is our organisation."""
    scan = stores.syncs.scans(connection.id).get(Resource.ORGANISATION)
    finished_at = scan.finished_at if scan is not None else None
    return finished_at is not None and stores.now - finished_at <= LASTS


def _settles(connection: Connection, one: Fetched) -> bool:
    """Whether this says whose the batch is: ours, or another's, which taints all of it."""
    if isinstance(one.result, WrongTenant):
        return True
    if one.request.resource is not Resource.ORGANISATION or not isinstance(one.result, Reply):
        return False
    return connection.tenant is not None and SourceId(connection.tenant.id) in one.result.shown


def _why_not(result: Reply | ServiceError) -> ServiceError:
    return (
        result if isinstance(result, HALTING) else OriginUnknown("Xero does not say whose answers these are")
    )
