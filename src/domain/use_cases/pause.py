"""Let something rest for a while, and let it go on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.errors import PermanentError
from domain.model.ids import PauseId
from domain.model.pauses import Pause, Scope
from domain.ports import Transaction

LONGEST = timedelta(days=14)
"""A token that is not used is kept alive meanwhile, but figures that are older than this help nobody."""


class PauseRefused(PermanentError):
    """This pause may not begin; says why."""


def pause(scope: Scope, until: datetime, operator: str, reason: str, *, transaction: Transaction) -> Pause:
    """
    Begin no slice, or no call of a stream or of the backfill, until then; what is under way ends first.

    Tokens are kept alive, disconnects and connects go on. Raises PauseRefused for a pause without a reason,
    of over a fortnight, or of a clinic that is not connected.
    """
    if not reason.strip() or not operator.strip():
        raise PauseRefused("a pause needs an operator and a reason: they are shown as long as it lasts")
    with transaction(None) as stores:
        if until > stores.now + LONGEST:
            raise PauseRefused(f"at most {LONGEST.days} days, after which it ends by itself")
        if scope.clinic_id is not None and not stores.connections.all_for(scope.clinic_id):
            raise PauseRefused(f"no connection of a clinic {scope.clinic_id!r}: allie-xero connections list")
        begun = Pause(
            id=PauseId(0),
            scope=scope,
            until=until,
            operator=operator,
            reason=reason,
            created_at=stores.now,
        )
        return stores.pauses.add(begun)


def resume(scope: Scope, operator: str, *, transaction: Transaction) -> Sequence[Pause]:
    """End the pauses of exactly this scope, and give them; what they held up is due now."""
    with transaction(None) as stores:
        found = [one for one in stores.pauses.in_force() if one.scope == scope]
        for one in found:
            stores.pauses.end(one, operator)
    return found
