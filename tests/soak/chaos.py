"""A world of clinics that live their lives, and faults of every kind that befall it; the seed says which."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from deployment.clinic import connect, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from entrypoints.local.postgres import PrivatePostgres
from entrypoints.local.process import GuardedProcess
from entrypoints.local.rabbitmq import PrivateRabbitmq
from services.proxy import Proxy
from simulator.client import Control, ControlError, Organisation
from workers.queues import QUEUES

XERO_FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "2"}},
    {"kind": "status", "status": 401},
    {"kind": "rate_limit", "problem": "minute", "retry_after": "3"},
    {"kind": "rate_limit", "problem": "concurrent", "retry_after": None},
    {"kind": "delay", "seconds": 0.5},
    {"kind": "reset"},
    {"kind": "lost"},
    {"kind": "cut", "fraction": 0.5},
    {"kind": "truncated", "fraction": 0.7},
    {"kind": "html", "status": 200},
]

BETWEEN_CHANGES_S = 2.5
"""Xero's stamps are whole seconds: two changes within one could not be told apart by anybody."""

STATUS = """
SELECT status FROM allie_xero.connection WHERE clinic_id = %s
 ORDER BY status = 'active' DESC, id DESC LIMIT 1
"""
"""Of two consents that cross, either connection may be the one that lives: not always the newest row."""


@dataclass
class World:
    """What there is: the parts, the clinics, and the processes that chaos may kill."""

    random: Random
    control: Control
    platform: Platform
    service: Deployment
    postgres: PrivatePostgres
    rabbitmq: PrivateRabbitmq
    database: Proxy
    broker: Proxy
    clinics: dict[str, Organisation] = field(default_factory=dict)
    mortal: dict[str, GuardedProcess] = field(default_factory=dict)
    changed_at: dict[str, float] = field(default_factory=dict)
    poison: int = 0
    happened: list[str] = field(default_factory=list)

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
                self.platform.publish("disconnect", {"clinic_id": clinic})
            case _:
                self.come(clinic)

    def come(self, clinic: str) -> None:
        """Connect, or connect again."""
        connect(self.control, self.platform, self.clinics[clinic], clinic)

    def change(self, clinic: str) -> None:
        """Something at the source."""
        now = time.monotonic()
        if now - self.changed_at.get(clinic, 0.0) > BETWEEN_CHANGES_S:
            self.changed_at[clinic] = now
            with suppress(ControlError):  # a change that this clinic has nothing for
                self.control.change(self.clinics[clinic].tenant_id, seed=self.random.randrange(10**6))

    def suffer(self) -> None:
        """One fault."""
        fault = self.random.choice(FAULTS)
        self.happened.append(fault.__name__)
        fault(self)

    def restart(self, name: str) -> None:
        """Start a killed process again."""
        start = self.service.start_worker if name.startswith("worker") else self.service.start_dispatcher
        self.mortal[name] = start(name)

    def is_active(self, clinic: str) -> bool:
        """Whether it is connected."""
        return bool(value(self.postgres.url, STATUS, clinic) == "active")


def kill_a_process(world: World) -> None:
    """SIGKILL."""
    name = world.random.choice(sorted(world.mortal))
    world.service.kill(world.mortal[name])
    world.restart(name)


def deploy(world: World) -> None:
    """SIGTERM to all that may be stopped, one after the other."""
    for name in sorted(world.mortal):
        world.service.stop(world.mortal[name])
        world.restart(name)


def cut_a_cable(world: World) -> None:
    """Every connection to the database or the broker drops."""
    world.random.choice([world.database, world.broker]).cut()


def pull_a_cable(world: World) -> None:
    """The database or the broker cannot be reached for a while."""
    cable = world.random.choice([world.database, world.broker])
    cable.down()
    time.sleep(world.random.uniform(1, 5))
    cable.up()


def crash_the_database(world: World) -> None:
    """It is killed and recovers."""
    world.postgres.kill()
    time.sleep(world.random.uniform(0, 2))
    world.postgres.start()


def crash_the_broker(world: World) -> None:
    """It is killed and recovers."""
    time.sleep(1)  # RabbitMQ 3.10 forgets quorum queues that were declared just now
    world.rabbitmq.kill()
    world.rabbitmq.start()


def fill_the_brokers_disk(world: World) -> None:
    """It takes nothing more for a while."""
    world.rabbitmq.ctl("set_disk_free_limit", "100000GB")
    time.sleep(world.random.uniform(1, 4))
    world.rabbitmq.ctl("set_disk_free_limit", "50MB")


def xero_fails(world: World) -> None:
    """For many calls of everybody."""
    fault = world.random.choice(XERO_FAULTS)
    world.control.inject(**fault, path="/*.xro/*", count=world.random.randint(1, 60))


def xero_forgets_tokens(world: World) -> None:
    """Access tokens expire before their time."""
    world.control.expire_tokens()


def send_poison(world: World) -> None:
    """Something that nobody can read."""
    world.poison += 1
    body = json.dumps({"poison": world.poison}).encode()
    world.platform.publish_raw(body, world.random.choice(QUEUES), exchange="")


FAULTS: list[Callable[[World], None]] = [
    *[kill_a_process, cut_a_cable, xero_fails] * 3,
    *[pull_a_cable, xero_forgets_tokens, send_poison, crash_the_database] * 2,
    *[deploy, crash_the_broker, fill_the_brokers_disk],
]


def settle(world: World, patience: float) -> None:
    """Calm: everything works again, and every clinic is connected."""
    world.control.clear_faults()
    for clinic in sorted(world.clinics):
        if not world.is_active(clinic):
            world.come(clinic)
    for clinic in sorted(world.clinics):
        until(lambda one=clinic: world.is_active(one), f"the connection of {clinic}", patience=patience)  # type: ignore[misc]
