"""Time that passes for the service and for Xero alike, in no time."""

from datetime import timedelta

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from deployment.ageing import age
from deployment.clinic import value
from deployment.service import ServiceInProcess
from simulator.client import Control

WAIT = """
SELECT extract(epoch FROM min(greatest(due_at, work_claimed_until, lease_until)) - clock_timestamp())
  FROM allie_xero.sync_state WHERE due_at IS NOT NULL
"""


class Passing:
    """Moves a database's clock and a simulator's."""

    def __init__(self, database_url: str, control: Control) -> None:
        self._database_url = database_url
        self._engine = create_engine(database_url, poolclass=NullPool)
        self._control = control

    def pass_time(self, by: timedelta) -> None:
        """Let time pass."""
        self._control.advance(by.total_seconds())
        with self._engine.begin() as session:
            age(session, by)

    def wait(self) -> timedelta | None:
        """How long until something is due; None if nothing ever will be."""
        found = value(self._database_url, WAIT)
        return None if found is None else timedelta(seconds=max(0.0, float(found)))

    def settle(self, service: ServiceInProcess) -> None:
        """Work and wait until nothing is left to do."""
        for _ in range(300):
            service.work()
            wait = self.wait()
            if wait is None:
                return
            self.pass_time(wait + timedelta(seconds=1))
        raise AssertionError(f"it never comes to rest: {service.outcomes[-20:]}")
