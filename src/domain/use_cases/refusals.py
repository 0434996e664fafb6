"""Xero refuses a clinic that is connecting (HTTP 403): an open failure counts how often, and since when."""

from dataclasses import replace
from datetime import timedelta

from domain.errors import AccessForbidden
from domain.messages import ConnectCompleted
from domain.model.failures import Failure, FailureState
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.ports import Stores

BELIEVED_AFTER = timedelta(minutes=10)
"""As long as odd pages are tried again: what stands before Xero is bad for minutes."""

TOLD_AT = 5
"""The refusal at which the clinic is told, some ten seconds after the first: a manager waits for it."""

NEXT_WITHIN = timedelta(minutes=1)
"""The longest pause between two tries of an event."""


def count_refusal(stores: Stores, event: ConnectCompleted) -> int | None:
    """Note one more refusal, and say which it is; None if it is believed now."""
    failure = _failure(event)
    seen = _seen(stores, failure)
    if seen is not None and stores.now - seen.first_seen_at >= BELIEVED_AFTER:
        return None
    stores.failures.record(replace(failure, until=stores.now + NEXT_WITHIN))
    return seen.attempts + 1 if seen is not None else 1


def was_refused(stores: Stores, event: ConnectCompleted) -> bool:
    """Whether a refusal is noted: the event has had tokens."""
    return _seen(stores, _failure(event)) is not None


def settle_refusals(stores: Stores, event: ConnectCompleted) -> None:
    """The event is done, whatever became of it."""
    seen = _seen(stores, _failure(event))
    if seen is not None:
        stores.failures.settle(seen.id, FailureState.RESOLVED, None, None)


def _failure(event: ConnectCompleted) -> Failure:
    return Failure(
        state=FailureState.RETRYING,
        error=AccessForbidden.__name__,
        place=event.type,
        subject=event.header.id,
        clinic_id=event.clinic_id,
    )


def _seen(stores: Stores, failure: Failure) -> KeptFailure | None:
    query = FailureQuery(clinic_id=failure.clinic_id, fingerprint=failure.fingerprint)
    found = stores.failures.find(query)
    return next((one for one in found if one.failure.subject == failure.subject), None)
