"""A database in memory: its transactions forget everything on error, and a test moves its clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Self

from domain.model.ids import ClinicId
from fakes.budget import InMemoryCallBudget
from fakes.certificates import InMemoryCertificateStore
from fakes.clock import FakeClock
from fakes.connections import InMemoryConnectionStore
from fakes.credentials import InMemoryCredentialRepository
from fakes.failures import InMemoryFailureStore
from fakes.inbox import InMemoryInbox
from fakes.outage import InMemoryOutageStore
from fakes.outbox import InMemoryOutbox
from fakes.pauses import InMemoryPauseStore
from fakes.payroll import InMemoryPayrollStore
from fakes.replays import InMemoryReplayStore
from fakes.syncs import InMemorySyncStore
from fakes.work import InMemoryWorkStore


class InMemoryDatabase:
    """See `domain.ports.Stores`; `transaction` is a `domain.ports.Transaction`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connections = InMemoryConnectionStore()
        self.credentials = InMemoryCredentialRepository(self.clock)
        self.pauses = InMemoryPauseStore(self.clock)
        self.syncs = InMemorySyncStore(self.connections, self.pauses, self.clock)
        self.payroll = InMemoryPayrollStore(self.syncs, self.clock)
        self.budget = InMemoryCallBudget(self.clock)
        self.outage = InMemoryOutageStore()
        self.inbox = InMemoryInbox(self.clock)
        self.outbox = InMemoryOutbox(self.clock)
        self.failures = InMemoryFailureStore(self.connections, self.credentials, self.pauses, self.clock)
        self.replays = InMemoryReplayStore(self.failures, self.clock)
        self.certificates = InMemoryCertificateStore()
        self.work = InMemoryWorkStore(
            self.connections, self.credentials, self.syncs, self.replays, self.clock
        )
        self._is_open = False

    @property
    def now(self) -> datetime:
        return self.clock()

    def pass_time(self, by: timedelta) -> None:
        self.clock.move(by)

    @contextmanager
    def transaction(self, clinic_id: ClinicId | None) -> Iterator[Self]:
        if self._is_open:
            raise RuntimeError("a transaction inside another would wait for itself")
        before = [(store, _state(store)) for store in self._stores()]
        self._is_open = True
        self.inbox.clinic_id = clinic_id
        try:
            yield self
        except BaseException:
            for store, state in before:
                vars(store).update(state)
            raise
        finally:
            self._is_open = False

    def _stores(self) -> list[object]:
        stores = (one for one in vars(self).values() if type(one).__module__.startswith("fakes."))
        return [*stores, self.payroll.payroll]


def _state(store: object) -> dict[str, Any]:
    """A store's rows; what is in them is never changed in place, so a shallow copy will do."""
    return {name: copy(value) for name, value in vars(store).items() if isinstance(value, dict | list)}
