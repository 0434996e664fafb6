"""One random clinic, its random life, and the service that follows it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from convergence.weather import brew, choose_switches
from deployment.clinic import rows
from deployment.killing import Killed, killed_after, watching
from deployment.passing import Passing
from deployment.service import ServiceInProcess, in_process
from deployment.truth import differences
from simulator.client import Organisation
from simulator.server import Running

OPEN_FAILURES = """
SELECT error, subject FROM allie_xero.failure
 WHERE place IN ('sync', 'slice') AND state IN ('retrying', 'quarantined', 'failed')
"""

NEEDS_ATTENTION = "SELECT FROM allie_xero.connection WHERE status = 'needs_attention'"


@dataclass
class Example:
    """What happens to one clinic is decided by the seed alone."""

    region: str
    seed: int
    xero: Running
    database_url: str

    def __post_init__(self) -> None:
        self.random = Random(f"{self.region} {self.seed}")
        self.control = self.xero.control
        self.control.reset(seed=self.seed, **choose_switches(self.random))
        self.time = Passing(self.database_url, self.control)

    def run(self) -> list[str]:
        """Live through it; gives what the views say otherwise than the source in the end."""
        organisation = self._clinic()
        others = [self._clinic().tenant_id]
        with in_process(self.database_url, self.xero.url) as service:
            service.connect(self.control, organisation)
            for _ in range(self.random.randint(2, 4)):
                self._change(organisation)
                brew(self.random, self.control, organisation.tenant_id, others)
                self._survive(service, organisation)
                service.publish("sync-requested", reason="test", mode=self._mode())
                self._survive(service, organisation)
            self.control.clear_faults()
            self.time.settle(service)
            self._go_on(service)
            self.time.pass_time(timedelta(minutes=2))
            service.publish("sync-requested", reason="test", mode="reconcile")
            self.time.settle(service)
            truth = self.control.truth(organisation.tenant_id)
            return differences(truth, self.database_url, service.clinic) + self._still_wrong()

    def _clinic(self) -> Organisation:
        random = self.random
        frequencies = ["weekly", "fortnightly", "monthly"]
        return self.control.create_organisation(
            region=self.region,
            staff=random.randint(1, 6),
            terminated=random.randint(0, 2),
            runs=random.randint(1, 6),
            calendars=random.sample(frequencies, random.randint(1, 2)),
            timesheets=random.choice(["none", "some", "all"]),
            unscheduled=random.randint(0, 1),
        )

    def _mode(self) -> str:
        return self.random.choice(["changes"] * 8 + ["reconcile", "full"])

    def _change(self, organisation: Organisation) -> None:
        """A few changes at the source; no two within one of Xero's stamps."""
        for _ in range(self.random.randint(0, 5)):
            self.control.change(organisation.tenant_id, seed=self.random.randrange(10**6))
            self.time.pass_time(timedelta(seconds=2))

    def _survive(self, service: ServiceInProcess, organisation: Organisation) -> None:
        """Work what is due, killed on the way more often than not, and changed under its hands."""
        statements = self.random.choice([None, self.random.randint(0, 60), self.random.randint(0, 400)])
        moments = set(self.random.sample(range(1, 300), self.random.randint(0, 3)))

        def change(sent: int) -> None:
            if sent in moments:
                self.control.advance(2)
                self.control.change(organisation.tenant_id, seed=sent)
                self.control.advance(2)

        with watching(change), killed_after(statements), suppress(Killed):
            service.work()
        if self.random.random() < 0.5:
            self.time.settle(service)

    def _go_on(self, service: ServiceInProcess) -> None:
        """What Xero refused until it was believed is found to be readable again within a day."""
        if rows(self.database_url, NEEDS_ATTENTION):
            self.time.pass_time(timedelta(days=1, minutes=1))
            self.time.settle(service)

    def _still_wrong(self) -> list[str]:
        """Failures that are open although nothing is wrong any more."""
        found: list[tuple[Any, ...]] = rows(self.database_url, OPEN_FAILURES)
        return [f"open failure: {error} of {subject}" for error, subject in found]
