"""
Poison of every shape on every queue: kept as rows, while what is good flows on and the worker stays whole.

The shapes are those that dramatiq's own consumer was seen to choke on, and a thousand others by chance.
"""

import json
import random
from typing import Any

import psutil

from deployment.clinic import value
from deployment.platform import Platform
from deployment.processes import Deployment, pids_of, until
from entrypoints.local.postgres import PrivatePostgres
from unit.workers.wire import event, native
from workers.queues import CONTROL, QUEUES

SEED = 30
BY_CHANCE = 1_000
CANARY = "s3cr3t-canary"
JOBS = {"allie-xero.tokens": "tokens.keep_alive", "allie-xero.sync": "sync.slice"}

QUARANTINED = "SELECT count(*) FROM allie_xero.failure WHERE state = 'quarantined'"
GIVEN_UP = "SELECT count(*) FROM allie_xero.failure WHERE state = 'failed'"
RETRIED = "SELECT count(*) FROM allie_xero.failure WHERE state = 'quarantined' AND attempts > 1"

BYTES = [
    b"",
    b"{half",
    b"\x00\xff\xfe",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"{}",
    b'{"a": NaN}',
    b"[" * 100_000,
]
LARGE = event("sync-requested", padding="x" * 5_000_000)
MALFORMED: list[dict[str, Any]] = [
    {"extra": CANARY},
    {"kwargs": None},
    {"kwargs": [CANARY]},
    {"args": None},
    {"options": None},
    {"options": []},
    {"options": {"eta": "soon"}},
    {"options": {"eta": None}},
    {"options": {"retries": "3"}},
    {"actor_name": ["sync.slice"]},
    {"actor_name": None},
    {"message_id": {}},
    {"message_timestamp": CANARY},
    {"queue_name": "elsewhere"},
    {"queue_name": "allie-xero.elsewhere.DQ"},
    {"queue_name": 7},
]
UNWORKABLE = ("nobody", "sync.nothing")
"""Actors that there are not. Their messages can be read, so they are a row for each connection they name."""

EVENTS = [
    event("sync-requested", data={"clinic_id": 7}),
    event("sync-requested", data={"clinic_id": "a\x00b"}),
    {**event("sync-requested"), "data": [CANARY]},
    event("sync-requested", specversion="0.3"),
    event("sync-requested", id=7),
    event("sync-requested", type="allie.xero.sync-requested.v2"),
    event("sync-requested", type="allie.xero.unheard-of.v1"),
    event("connect-completed", data={"clinic_id": "c", "grant": {"type": "authorization_code"}}),
    event("connect-completed", data={"clinic_id": "c", "grant": CANARY}),
]


def shapes(queue: str) -> list[bytes]:
    """Everything known to be bad on a queue; made different for each, as equal bodies are one row."""
    mark = json.dumps(queue).encode()
    events = [
        {**one, "id": f"{queue}-{number}"} if isinstance(one["id"], str) else one
        for number, one in enumerate([*EVENTS, LARGE])
    ]
    documents = [native(**{"queue_name": queue, **bad}) for bad in MALFORMED] + events
    return [one + mark for one in BYTES] + [json.dumps({**one, "x": queue}).encode() for one in documents]


def by_chance(chance: random.Random) -> bytes:
    """A good message with a few of its bytes changed."""
    body = bytearray(json.dumps(chance.choice([native(), event("sync-requested")])).encode())
    for _ in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def threads(service: Deployment) -> int:
    return sum(psutil.Process(pid).num_threads() for one in service.running for pid in pids_of(one))


def test_poison_becomes_rows_and_neighbours_flow(
    service: Deployment, main_platform: Platform, own_postgres: PrivatePostgres
) -> None:
    service.start_dispatcher()
    service.start_worker()
    before = threads(service)
    asked = []
    bodies = [(queue, body) for queue in QUEUES for body in shapes(queue)]
    nobodys = [
        (queue, json.dumps(native(queue_name=queue, actor_name=name)).encode())
        for queue in QUEUES
        for name in UNWORKABLE
    ]
    with main_platform.publishing() as publish:
        for number, (queue, body) in enumerate(bodies + nobodys):
            publish(body, queue, exchange="")
            if number % 10 == 0:
                asked.append(main_platform.publish("sync-requested", {"clinic_id": f"nobody-{number}"}))

    until(lambda: main_platform.replies(asked).keys() == set(asked), "the neighbours' answers")
    until(lambda: value(own_postgres.url, QUARANTINED) == len(bodies), "a row of each")
    until(lambda: value(own_postgres.url, GIVEN_UP) == len(UNWORKABLE), "a row of each")
    assert value(own_postgres.url, RETRIED) == 0
    assert set(main_platform.replies(asked).values()) == {1}
    assert abs(threads(service) - before) <= 2, "no thread was lost"
    assert not service.problems("worker")
    assert CANARY not in service.logs


def test_a_thousand_damaged_messages_do_not_stop_a_worker(
    service: Deployment, main_platform: Platform
) -> None:
    chance = random.Random(SEED)
    service.start_dispatcher()
    service.start_worker()
    pids = [pids_of(one) for one in service.running]
    with main_platform.publishing() as publish:
        for _ in range(BY_CHANCE):
            publish(by_chance(chance), chance.choice([CONTROL, *JOBS]), exchange="")
    asked = [main_platform.publish("sync-requested", {"clinic_id": f"nobody-{n}"}) for n in range(10)]
    until(lambda: main_platform.replies(asked).keys() == set(asked), "the neighbours' answers")
    until(lambda: not service.problems("worker"), "readiness")
    assert [pids_of(one) for one in service.running] == pids
