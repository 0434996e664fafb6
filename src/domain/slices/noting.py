"""What went wrong with a batch, and what has gone well since, as rows that a person can look at."""

from collections.abc import Iterable, Mapping, Sequence

from domain.errors import ServiceError
from domain.model.connection import Connection
from domain.model.failures import Failure, FailureState, context_of
from domain.model.ids import SourceId
from domain.model.plans import PLANS
from domain.model.streams import Resource
from domain.model.sync import DetailRequest, ListRequest, Reply, Request, Unreadable
from domain.ports import Stores

UNREADABLE = "UnreadableRecord"
PAGE_LOOP = "PageLoop"
EMPTY = "SuspiciouslyEmpty"
DOES_NOT_TIE = "PayRunDoesNotTie"


def refusal(connection: Connection, request: Request, error: ServiceError) -> Failure:
    """One list or one record that Xero did not give."""
    return _failure(
        connection,
        request,
        state=FailureState.FAILED,
        error=type(error).__name__,
        subject=_subject(request),
        context=context_of(error),
    )


def oddity(connection: Connection, request: Request, error: str) -> Failure:
    """An answer that cannot be quite right: it was used as far as it goes."""
    return _failure(connection, request, error=error, subject=f"{_subject(request)}:{error}")


def note_replies(
    stores: Stores,
    connection: Connection,
    replies: Sequence[tuple[Request, Reply]],
    looping: Sequence[Request],
) -> None:
    """Note what could not be read, which lists go in a loop, and that everything else is well."""
    well = [one for request, reply in replies for one in _well(request, reply, loops=request in looping)]
    stores.failures.resolve(connection.id, well)
    for request in looping:
        stores.failures.record(oddity(connection, request, PAGE_LOOP))
    for request, reply in replies:
        for one in reply.unreadable:
            stores.failures.record(_unreadable(connection, request, one))


def note_empty(stores: Stores, connection: Connection, lists: Iterable[Resource]) -> None:
    """A list that shows nothing is right where nothing is left."""
    settled = [f"{one}:{EMPTY}" for one in lists if not stores.payroll.count(connection.id, one)]
    if settled:
        stores.failures.resolve(connection.id, settled)


def note_ties(stores: Stores, connection: Connection, ties: Mapping[SourceId, bool]) -> None:
    """Note the pay runs that do not equal the sum of their payslips, and those that do again."""
    runs = {one: DetailRequest(Resource.PAY_RUN, one) for one in ties}
    odd = {one: oddity(connection, request, DOES_NOT_TIE) for one, request in runs.items()}
    settled = [odd[one].subject for one, is_tied in ties.items() if is_tied]
    if settled:
        stores.failures.resolve(connection.id, settled)
    for one, is_tied in ties.items():
        if not is_tied:
            stores.failures.record(odd[one])


def _well(request: Request, reply: Reply, *, loops: bool) -> list[str]:
    """What an answer shows to be well, whether or not it ever was not."""
    if isinstance(request, DetailRequest):
        return [] if reply.unreadable else [_subject(request)]
    subjects = [request.resource, *(f"{request.resource}:{one}" for one in reply.readable)]
    if not (reply.more or reply.unreadable or loops):
        subjects += [f"{request.resource}:?", f"{request.resource}:{PAGE_LOOP}"]
    if reply.records:
        subjects.append(f"{request.resource}:{EMPTY}")
    return subjects


def _unreadable(connection: Connection, request: Request, one: Unreadable) -> Failure:
    known = request.source_id if isinstance(request, DetailRequest) else one.source_id
    subject = f"{request.resource}:{known or '?'}"
    return _failure(connection, request, error=UNREADABLE, subject=subject, context={"why": one.why})


def _subject(request: Request) -> str:
    if isinstance(request, ListRequest):
        return request.resource.value
    return f"{request.resource}:{request.source_id}"


def _failure(
    connection: Connection,
    request: Request,
    *,
    error: str,
    subject: str,
    state: FailureState = FailureState.QUARANTINED,
    context: Mapping[str, str] | None = None,
) -> Failure:
    assert connection.tenant is not None, "an active connection has a tenant"  # noqa: S101
    return Failure(
        state=state,
        error=error,
        place="sync",
        subject=subject,
        stream=PLANS[connection.tenant.region].stream_of(request.resource),
        clinic_id=connection.clinic_id,
        connection_id=connection.id,
        context=context or {},
    )
