"""The contract test kit passes what keeps the contract, and names what does not."""

import json
import os
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pika
import pytest

from adapters.rabbitmq.publisher import CONTENT_TYPE
from entrypoints.contract.examples import EXAMPLES
from entrypoints.exchange import Heard
from entrypoints.kit.judging import faults_of
from entrypoints.kit.programs import ProgramFault
from entrypoints.local.process import environment_without
from events.programs import programs
from workers.queues import CONTROL

CARELESS = Path(__file__).with_name("careless.py")
ASKED = next(one.document for one in EXAMPLES if one.name == "sync-requested.v1.changes")
KIND, CLINIC = ASKED["type"], ASKED["data"]["clinic_id"]


def kit(amqp_url: str, database_url: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "contract-kit", *options],
        env={
            **environment_without("AMQP_", "DATABASE_"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AMQP_URL": amqp_url,
            "DATABASE_URL": database_url,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_examples_keep_the_contract(vhost_url: str, database_url: str) -> None:
    producer, consumer = programs("node").producer, programs("python").consumer
    commands = ["--producer", shlex.join(producer), "--consumer", shlex.join(consumer)]
    done = kit(vhost_url, database_url, *commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("The contract is kept.\n")
    assert "WRONG" not in done.stdout


def test_a_platform_that_exchanges_the_code_itself_keeps_it_too(vhost_url: str, database_url: str) -> None:
    exchanging = shlex.join([sys.executable, str(CARELESS.with_name("exchanging.py"))])
    commands = ["--producer", exchanging, "--consumer", shlex.join(programs("node").consumer)]
    done = kit(vhost_url, database_url, *commands)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_careless_platform_is_told_what_it_does_wrong(vhost_url: str, database_url: str) -> None:
    careless = shlex.join([sys.executable, str(CARELESS)])
    commands = ["--producer", f"{careless} publish", "--consumer", f"{careless} listen"]
    done = kit(vhost_url, database_url, *commands)
    assert done.returncode == 1
    for said in (
        "its content type is None, not 'application/cloudevents+json'",
        "it is not persistent",
        "it has no time",
        "the service refuses what was published: malformed_event $.data.clinic_id",
        "2 events were published where one was due",
        "the producer ended with exit code 1",
        "the consumer ended by itself, with exit code 7",
        "worked more than once: the example connection-changed.v1.active, twice",
        "not worked: an event after all of that",
    ):
        assert said in done.stdout
    assert "faults; the contract is docs/events/README.md" in done.stderr


def test_a_broker_that_a_worker_listens_on_is_refused(vhost_url: str, database_url: str) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(vhost_url))) as connection:
        channel = connection.channel()
        channel.queue_declare(CONTROL)
        channel.basic_consume(CONTROL, lambda *_: None)
        done = kit(vhost_url, database_url, "--consumer", "true")
    assert done.returncode == 3
    assert "a worker listens on AMQP_URL" in done.stderr


def heard(document: object = ASKED, **message: object) -> Heard:
    usual = {"routing_key": KIND, "content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": None}
    return Heard(body=json.dumps(document).encode(), **{**usual, **message})


def test_an_event_as_it_should_be_has_no_faults() -> None:
    assert faults_of(heard(), KIND, CLINIC, []) == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (heard(routing_key="sync-requested"), "its routing key is 'sync-requested', not the event's type"),
        (heard(content_type="application/json"), "its content type is 'application/json', not"),
        (heard(delivery_mode=1), "it is not persistent"),
        (heard({**ASKED, "time": None}), "it has no time"),
        (heard({**ASKED, "data": {"clinic_id": "another"}}), f"its clinic_id is not '{CLINIC}'"),
    ],
)
def test_a_fault_is_named(message: Heard, said: str) -> None:
    (fault,) = faults_of(message, KIND, CLINIC, [])
    assert fault.startswith(said)


def test_an_id_that_was_used_before_is_named() -> None:
    (fault,) = faults_of(heard(), KIND, CLINIC, [ASKED["id"]])
    assert fault.startswith("its id was used before")


def test_another_event_than_was_due_is_named() -> None:
    due = "allie.xero.disconnect.v1"
    assert faults_of(heard(), due, CLINIC, []) == [f"it is a {KIND}, where {due} was due"]


@pytest.mark.parametrize("document", [{**ASKED, "data": {}}, {**ASKED, "specversion": "2.0"}, []])
def test_what_the_service_would_refuse_ends_the_step(document: object) -> None:
    with pytest.raises(ProgramFault, match="the service refuses what was published"):
        faults_of(heard(document), KIND, CLINIC, [])
