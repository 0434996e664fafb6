"""What an operator sees of a service that works, and of one that does not."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from importlib.metadata import version

import pika
import pytest

from adapters.crypto.generation import new_document
from deployment.clinic import value
from deployment.operating import Operator
from deployment.service import ServiceInProcess, in_process
from services.logins import new_login
from simulator.client import CLIENT_ID, CLIENT_SECRET
from simulator.server import Running, running_in_thread
from workers.broker import QuorumBroker
from workers.queues import CONTROL, QUEUES, SYNC


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running_in_thread() as simulator:
        yield simulator


@pytest.fixture
def environment(database_url: str, xero: Running, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a process of this installation gets; its broker is away."""
    environment = {
        "ALLIE_XERO_ENVIRONMENT": "test",
        "ALLIE_XERO_KEYRING": json.dumps(new_document()),
        "DATABASE_URL": database_url,
        "AMQP_URL": "amqp://127.0.0.1:9",
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "XERO_IDENTITY_URL": xero.url,
        "XERO_API_URL": xero.url,
    }
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    return environment


@pytest.fixture
def service(database_url: str, xero: Running, environment: dict[str, str]) -> Iterator[ServiceInProcess]:
    """A clinic that is connected and read."""
    with in_process(database_url, xero.url, **environment) as service:
        service.connect(xero.control, xero.control.create_organisation(staff=3, runs=2))
        service.work()
        yield service


@pytest.fixture
def operator(
    database_url: str,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operator]:
    assert environment
    with new_login(database_url, "operator") as url:
        yield Operator(url, monkeypatch, capsys)


@pytest.fixture
def queues(
    vhost_url: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[QuorumBroker]:
    """A broker that is not away, and the queues as a dispatcher makes them."""
    assert environment
    monkeypatch.setenv("AMQP_URL", vhost_url)
    broker = QuorumBroker(vhost_url, middleware=[], count=lambda *_: None)
    for queue in QUEUES:
        broker.declare_queue(queue, ensure=True)
    yield broker
    broker.close()


@pytest.mark.usefixtures("service", "queues")
def test_one_screen_says_how_it_all_is(operator: Operator, database_url: str) -> None:
    state = operator.json("status")
    assert state["connections"] == {"active": 1}
    assert state["oldest"]["clinic_id"] == "clinic-1"
    assert state["budget"]["clinics_at_day_limit"] == 0
    assert {one["queue"] for one in state["queues"]} == set(QUEUES)
    assert state["outbox"]["pending"] == value(database_url, "SELECT count(*) FROM allie_xero.outbox")
    assert (state["failures"], state["pauses"], state["xero_away_since"]) == ([], [], None)
    said = operator.run("status")
    for word in ("1 active", "Xero  answers", "Failures  none", "Outbox", "clinic-1", SYNC):
        assert word in said


@pytest.mark.usefixtures("service")
def test_one_screen_says_what_is_wrong(operator: Operator, service: ServiceInProcess, xero: Running) -> None:
    operator.run("pause", "clinic-1", "--until", "2h", "--reason", "T-9")
    assert "Rests until" in operator.run("connections", "show", "clinic-1")
    service.publish("sync-requested", mode="full")
    assert service.work() == 0
    said = operator.run("status", code=3)
    for word in ("1 paused", "Broker is away", "T-9", "clinic-1"):
        assert word in said
    [rest] = operator.json("pauses")
    assert (rest["clinic_id"], rest["stream"], rest["operator"]) == ("clinic-1", None, "olga")
    operator.run("resume", "clinic-1")
    assert "does not rest" in operator.run("resume", "clinic-1", code=1)
    xero.control.inject("status", status=503, path="/payroll.xro/*", count=1)
    service.work()
    assert "XeroUnavailable:slice" in operator.run("status", code=3)


@pytest.mark.usefixtures("service")
def test_passes_and_events_are_listed(operator: Operator, service: ServiceInProcess) -> None:
    [first] = operator.json("syncs", "--clinic", "clinic-1")
    assert (first["mode"], first["state"], first["calls"] > 5) == ("changes", "finished", True)
    assert operator.json("syncs", "--state", "running") == []
    assert operator.run("syncs", "--state", "queued") == "No syncs.\n"
    for words in ("syncs --state done", "failures list --stream payslip", "replay --stream payslip"):
        operator.run(*words.split(), code=2)  # "none" would be a lie
    datetime.strptime(first["finished_at"], "%Y-%m-%dT%H:%M:%SZ").astimezone()  # as jq's fromdate reads it
    service.publish("sync-requested", mode="full")
    assert [one["mode"] for one in operator.json("syncs")] == ["full", "changes"]
    assert operator.json("syncs", "--oldest", "--limit", "1")[0]["id"] == first["id"]
    assert f"{first['id']}  clinic-1" in operator.run("syncs")
    waiting = operator.json("outbox")
    assert "allie.xero.sync-finished.v1" in {one["type"] for one in waiting}
    assert {one["sent_at"] for one in waiting} == {None}
    service.app.relay_outbox(lambda _: None)
    assert operator.run("outbox") == "Nothing waits.\n"
    assert len(operator.json("outbox", "--all")) == len(waiting)


READING = (
    "status",
    "connections list",
    "connections show clinic-1",
    "syncs",
    "outbox",
    "failures list",
    "replay list",
    "pauses",
    "certificates list",
    "keys audit",
)


@pytest.mark.usefixtures("service", "queues")
def test_each_login_suffices_for_what_its_pod_is_for(operator: Operator, database_url: str) -> None:
    for words in READING:
        operator.json(*words.split())
    with new_login(database_url, "dispatcher") as operator.url:
        assert operator.json("keys", "status")["missing"] == []
        assert operator.json("keys", "rewrap")["left"] == 0
    with new_login(database_url, "worker") as operator.url:
        assert found(operator, code=1)["xero"] == [("ok", "answers, and its clock agrees")]


EMPTY = {
    "No connections.": "connections list",
    "No syncs.": "syncs",
    "No failures.": "failures list",
    "No replays.": "replay list",
    "No certificates.": "certificates list",
    "No token set was opened yet.": "keys audit",
    "Nothing waits.": "outbox",
    "Nothing rests.": "pauses",
}


def test_a_list_without_anything_says_so(operator: Operator) -> None:
    assert {operator.run(*words.split()).strip(): words for words in EMPTY.values()} == EMPTY


def test_the_queues_are_null_where_they_were_not_asked_or_do_not_answer(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = operator.json("status", code=3)
    assert (away["broker"], away["queues"]) == ("away", None)
    monkeypatch.delenv("AMQP_URL")
    unasked = operator.json("status")
    assert (unasked["broker"], unasked["queues"]) == ("not asked", None)


@pytest.mark.parametrize("words", ["db migrate", "status", "failures list"])
def test_a_database_that_is_away_is_a_sentence(operator: Operator, words: str) -> None:
    operator.url = "postgresql://nobody@127.0.0.1:1/none"
    assert operator.run(*words.split(), code=3) == "the database is away\n"


def test_the_version_names_the_commit_where_it_is_known(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.run("--version") == f"allie-xero {version('allie-xero')}\n"
    monkeypatch.setenv("ALLIE_XERO_REVISION", "3b6fe50")
    assert operator.run("--version") == f"allie-xero {version('allie-xero')} (3b6fe50)\n"


UNCLEAR = {
    "Say what": ["pause", "--until", "1h", "--reason", "x"],
    "--everything": ["pause", "clinic-1", "--everything", "--until", "1h", "--reason", "x"],
    "Fresh data cannot rest": ["pause", "--lane", "fresh", "--until", "1h", "--reason", "x"],
    "expected a time": ["pause", "clinic-1", "--until", "soon", "--reason", "x"],
    "such as 2h, 3d or": ["pause", "clinic-1", "--until", "foo", "--reason", "x"],
    "that is in the past": ["pause", "clinic-1", "--until", "3 days ago", "--reason", "x"],
    "in the past": ["pause", "clinic-1", "--until", "2020-01-01", "--reason", "x"],
}


def test_a_pause_that_is_not_clear_is_not_begun(operator: Operator) -> None:
    for why, words in UNCLEAR.items():
        assert why in operator.run(*words, code=2)
    assert operator.json("pauses") == []


def test_a_pause_that_makes_no_sense_is_refused(operator: Operator) -> None:
    assert "no connection of a clinic" in operator.run(
        "pause", "nobody", "--until", "1h", "--reason", "x", code=1
    )
    assert operator.run("pauses") == "Nothing rests.\n"
    said = operator.run("pause", "--everything", "--lane", "backfill", "--until", "30m", "--reason", "x")
    assert said.startswith("Backfill of every clinic: rests until")
    assert "every clinic" in operator.run("pauses")
    operator.run("resume", "--everything", "--lane", "backfill")


def found(operator: Operator, *, code: int) -> dict[str, list[tuple[str, str]]]:
    checks: dict[str, list[tuple[str, str]]] = {}
    for one in operator.json("doctor", code=code):
        assert bool(one["advice"]) is (one["verdict"] != "ok")
        checks.setdefault(one["about"], []).append((one["verdict"], one["found"]))
    return checks


@pytest.mark.usefixtures("service", "queues")
def test_a_doctor_finds_a_service_well_but_for_what_does_not_run(operator: Operator, vhost_url: str) -> None:
    nobody = [("wrong", f"nobody reads the queue {queue}") for queue in QUEUES]
    checks = found(operator, code=1)
    assert checks.pop("broker") == nobody
    assert {verdict for part in checks.values() for verdict, _ in part} == {"ok"}
    assert set(checks) == {"settings", "keys", "database", "clock", "permissions", "xero"}
    with closing(pika.BlockingConnection(pika.URLParameters(vhost_url))) as worker:
        for queue in QUEUES:
            worker.channel().basic_consume(queue, lambda *_: None)
        assert found(operator, code=0)["broker"][0][0] == "ok"
        assert "ok  database: answers" in operator.run("doctor")


def test_a_doctor_says_what_is_wrong_and_what_to_do(
    operator: Operator, vhost_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = QuorumBroker(vhost_url, middleware=[], count=lambda *_: None)
    broker.channel.queue_declare(CONTROL, durable=True)
    broker.close()
    monkeypatch.setenv("AMQP_URL", vhost_url)
    monkeypatch.delenv("XERO_CLIENT_ID")
    monkeypatch.setenv("ALLIE_XERO_KEYRING", "{}")
    monkeypatch.setenv("XERO_API_URL", "http://127.0.0.1:9")
    operator.url = database_url
    checks = found(operator, code=1)
    assert ("wrong", "XERO_CLIENT_ID is not set; expected the client id of your Xero app") in checks[
        "settings"
    ]
    assert checks["keys"][0][0] == checks["xero"][0][0] == "wrong"
    assert checks["permissions"] == [("warning", checks["permissions"][0][1])]
    words = [said for _, said in checks["broker"]]
    assert any(f"{CONTROL} is of another type" in said for said in words)
    assert any(f"{SYNC} does not exist" in said for said in words)


def test_a_doctor_tells_services_that_are_away(operator: Operator) -> None:
    operator.url = "postgresql://127.0.0.1:9/nothing"
    checks = found(operator, code=1)
    assert "away" in checks["database"][0][1]
    assert "cannot be reached" in checks["broker"][0][1]
