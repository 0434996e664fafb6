"""Hold a lease for as long as a batch is fetched: the many pages of one pay run may outlast it."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.model.sync import Lease
from domain.ports import Clock, Transaction


@dataclass(slots=True)
class Renewal:
    """
    Called between answers, renews the lease whenever a third of it has passed.

    Raises Fenced, so that nothing more is asked for what somebody else works on, or nobody may any more.
    """

    lease: Lease
    transaction: Transaction
    clock: Clock
    _due_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._wait()

    def __call__(self) -> None:
        """Renew it, if it is time."""
        if self.clock() < self._due_at:
            return
        with self.transaction(self.lease.clinic_id) as stores:
            stores.syncs.keep(self.lease)
        self._wait()

    def _wait(self) -> None:
        self._due_at = self.clock() + self.lease.length / 3
