"""Faults of every kind that befall a world of clinics."""

import json
import time
from collections.abc import Callable
from typing import Any

from services.crashing import crash
from soak.world import World
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


def kill_a_process(world: World) -> None:
    """SIGKILL."""
    name = world.random.choice(sorted(world.mortal))
    world.tell(f"the {name} is killed")
    world.service.kill(world.mortal[name])
    world.restart(name)


def deploy(world: World) -> None:
    """SIGTERM to all that may be stopped, one after the other."""
    world.tell("a deploy")
    for name in sorted(world.mortal):
        world.service.stop(world.mortal[name])
        assert world.mortal[name].wait() == 0, f"the {name} did not end well"
        world.restart(name)


def cut_a_cable(world: World) -> None:
    """Every connection to the database or the broker drops."""
    name, cable = world.random.choice(sorted(world.cables.items()))
    world.tell(f"the connections to the {name} drop")
    cable.cut()


def pull_a_cable(world: World) -> None:
    """The database or the broker cannot be reached for a while."""
    name, cable = world.random.choice(sorted(world.cables.items()))
    seconds = world.random.uniform(1, 5)
    world.tell(f"the {name} cannot be reached for {seconds:.1f} s")
    cable.down()
    time.sleep(seconds)
    cable.up()


def crash_the_database(world: World) -> None:
    """It is killed and recovers."""
    world.tell("the database crashes")
    world.postgres.kill()
    time.sleep(world.random.uniform(0, 2))
    world.postgres.start()


def crash_the_broker(world: World) -> None:
    """It is killed and recovers."""
    world.tell("the broker crashes")
    crash(world.rabbitmq)
    world.rabbitmq.start()


def fill_the_brokers_disk(world: World) -> None:
    """It takes nothing more for a while."""
    world.tell("the broker's disk is full")
    world.rabbitmq.ctl("set_disk_free_limit", "100000GB")
    time.sleep(world.random.uniform(1, 4))
    world.rabbitmq.ctl("set_disk_free_limit", "50MB")


def xero_fails(world: World) -> None:
    """For many calls of everybody."""
    _fail(world, "/*.xro/*", most=60)


def xeros_identity_fails(world: World) -> None:
    """For some calls for tokens, or for links: a consent may be lost with its answer."""
    _fail(world, world.random.choice(["/connect/token", "/connections*"]), most=10)


def _fail(world: World, path: str, *, most: int) -> None:
    fault, count = world.random.choice(XERO_FAULTS), world.random.randint(1, most)
    world.tell(f"Xero fails {count} times at {path}: {' '.join(str(one) for one in fault.values())}")
    world.control.inject(**fault, path=path, count=count)


def xero_forgets_tokens(world: World) -> None:
    """Access tokens expire before their time."""
    world.tell("Xero forgets all access tokens")
    world.control.expire_tokens()


def send_poison(world: World) -> None:
    """Something that nobody can read."""
    queue = world.random.choice(QUEUES)
    world.tell(f"poison for {queue}")
    world.poison += 1
    body = json.dumps({"poison": world.poison}).encode()
    world.platform.publish_raw(body, queue, exchange="")


FAULTS: list[Callable[[World], None]] = [
    *[kill_a_process, cut_a_cable, xero_fails] * 3,
    *[pull_a_cable, xero_forgets_tokens, xeros_identity_fails, send_poison, crash_the_database] * 2,
    *[deploy, crash_the_broker, fill_the_brokers_disk],
]


def suffer(world: World) -> None:
    """One fault."""
    world.random.choice(FAULTS)(world)
