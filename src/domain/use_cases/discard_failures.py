"""Give failures up, on purpose: the rows stay, with who did it and why."""

from collections.abc import Sequence

from domain.model.failures import FailureState
from domain.model.ids import FailureId
from domain.model.kept_failure import FailureQuery
from domain.ports import Transaction
from domain.use_cases.replay_failures import ReplayRefused


def discard_failures(
    query: FailureQuery, operator: str, reason: str, *, transaction: Transaction
) -> Sequence[FailureId]:
    """
    Discard the open failures that are meant and give their ids.

    What a replay has at this moment is left to it. Raises ReplayRefused without an operator and a reason.
    """
    if not reason.strip() or not operator.strip():
        raise ReplayRefused("discarding needs an operator and a reason: they are kept with the failure")
    with transaction(query.clinic_id) as stores:
        found = [one for one in stores.failures.find(query) if one.replayed_by is None]
        for one in found:
            stores.failures.settle(one.id, FailureState.DISCARDED, operator, reason)
    return [one.id for one in found]
