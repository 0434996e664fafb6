"""A world of clinics that live their lives, and the diary of what befalls it; the seed says what."""

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from deployment.clinic import connect, rows
from deployment.platform import Platform
from deployment.processes import Deployment
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.process import GuardedProcess
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.proxy import Proxy
from simulator.client import Control, ControlError, Organisation

BETWEEN_CHANGES_S = 2.5
"""Xero's stamps are whole seconds: two changes within one could not be told apart by anybody."""

UNANSWERED = """
SELECT unnest(%s::text[])
EXCEPT SELECT event_id FROM allie_xero.inbox WHERE completed_at IS NOT NULL
"""

CONNECTED = "SELECT clinic_id FROM allie_xero.connection WHERE status = 'active'"


@dataclass
class World:
    """What there is: the parts, the clinics, and the processes that chaos may kill."""

    random: Random
    control: Control
    platform: Platform
    service: Deployment
    postgres: PrivatePostgres
    rabbitmq: PrivateRabbitmq
    cables: dict[str, Proxy]
    clinics: dict[str, Organisation] = field(default_factory=dict)
    mortal: dict[str, GuardedProcess] = field(default_factory=dict)
    changed_at: dict[str, float] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    poison: int = 0
    began: float = field(default_factory=time.monotonic)
    diary: list[str] = field(default_factory=list)

    def tell(self, what: str) -> None:
        """Keep what happens, and print it for whoever follows."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        self.diary.append(f"{minutes:3}:{seconds:02}  {what}")
        sys.stdout.write(f"{self.diary[-1]}\n")
        sys.stdout.flush()

    def live(self) -> None:
        """Something that clinics and people do."""
        clinic = self.random.choice(sorted(self.clinics))
        match self.random.choices(["change", "ask", "ask twice", "leave", "come"], [8, 5, 2, 1, 2])[0]:
            case "change":
                self.change(clinic)
            case "ask":
                self.platform.publish("sync-requested", {"clinic_id": clinic})
            case "ask twice":
                event_id = self.platform.publish("sync-requested", {"clinic_id": clinic})
                self.platform.publish("sync-requested", {"clinic_id": clinic}, event_id=event_id)
            case "leave":
                self.said[self.platform.publish("disconnect", {"clinic_id": clinic})] = clinic
            case _:
                self.come(clinic)

    def come(self, clinic: str) -> None:
        """Connect, or connect again."""
        self.said[connect(self.control, self.platform, self.clinics[clinic], clinic)] = clinic

    def reconcile(self, clinic: str) -> None:
        """Ask for one whole look."""
        wish = {"clinic_id": clinic, "mode": "reconcile", "requested_by": "the end"}
        self.said[self.platform.publish("sync-requested", wish)] = clinic

    def change(self, clinic: str) -> None:
        """Something at the source."""
        now = time.monotonic()
        if now - self.changed_at.get(clinic, 0.0) > BETWEEN_CHANGES_S:
            self.changed_at[clinic] = now
            with suppress(ControlError):  # a change that this clinic has nothing for
                self.control.change(self.clinics[clinic].tenant_id, seed=self.random.randrange(10**6))

    def restart(self, name: str) -> None:
        """Start a killed process again."""
        start = self.service.start_worker if name.startswith("worker") else self.service.start_dispatcher
        self.mortal[name] = start(name)

    def unanswered(self) -> set[str]:
        """The clinics that have said something which has not had its effect yet."""
        left = rows(self.postgres.url, UNANSWERED, list(self.said))
        self.said = {event_id: self.said[event_id] for (event_id,) in left}
        return set(self.said.values())

    def connected(self) -> set[str]:
        """The clinics whose connection lives: of two consents that cross, either may be the one."""
        return {clinic for (clinic,) in rows(self.postgres.url, CONNECTED)}
