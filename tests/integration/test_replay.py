"""An operator replays from the command line; real database, each login with its own role, simulated Xero."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer

import pytest

from deployment.clinic import rows, value
from deployment.operating import Operator
from deployment.service import ServiceInProcess, in_process
from domain.messages import Job
from services.logins import new_login
from simulator.client import Organisation
from simulator.server import Running, running

CLINICS = 3
STAFF = 8
EMPLOYEES = "/payroll.xro/*/employees/*"
CAUSE = "RequestRefused:sync:employees"


@dataclass
class Fleet:
    """Workers and a dispatcher that have no more rights than they need, and some clinics' Xero."""

    worker: ServiceInProcess
    dispatcher: ServiceInProcess
    xero: Running
    organisations: dict[str, Organisation]
    database_url: str

    def work(self) -> None:
        """Tick and work until nothing is due and no replay runs."""
        while self.tick() or self.running():
            time.sleep(0.02)

    def tick(self) -> int:
        """One tick of the dispatcher, and its jobs; gives how many."""
        jobs: list[Job] = []
        self.dispatcher.app.advance_replays()
        self.dispatcher.app.schedule_due_work(jobs.append)
        for job in jobs:
            self.worker.run(job)
        return len(jobs)

    @property
    def total(self) -> int:
        """How many employees there are, those who have left too."""
        return int(value(self.database_url, "SELECT count(*) FROM allie_xero.employee"))

    def running(self) -> bool:
        """Whether a replay runs."""
        return bool(rows(self.database_url, "SELECT id FROM allie_xero.replay WHERE state = 'running'"))

    def states(self) -> dict[str, int]:
        """Failures by state."""
        return dict(rows(self.database_url, "SELECT state, count(*) FROM allie_xero.failure GROUP BY state"))

    def asked(self) -> Counter[tuple[str, str]]:
        """How often each employee of each organisation was asked for."""
        visits = self.xero.control.ledger(path=EMPLOYEES, limit=10_000)
        return Counter((one["tenant"], one["path"]) for one in visits)


@pytest.fixture
def fleet(database_url: str) -> Iterator[Fleet]:
    with refused(database_url, CLINICS, STAFF) as fleet:
        yield fleet


@contextmanager
def refused(database_url: str, clinics: int, staff: int, runs: int = 1, **limits: int) -> Iterator[Fleet]:
    """Clinics whose employees Xero has refused to show, until now."""
    with (
        running(**limits) as xero,
        new_login(database_url, "worker") as worker_url,
        new_login(database_url, "dispatcher") as dispatcher_url,
        in_process(worker_url, xero.url) as worker,
        in_process(dispatcher_url, xero.url) as dispatcher,
    ):
        fleet = Fleet(worker, dispatcher, xero, {}, database_url)
        xero.control.inject("status", status=400, path=EMPLOYEES)
        for number in range(clinics):
            worker.clinic = f"clinic-{number}"
            organisation = xero.control.create_organisation(staff=staff, runs=runs, seed=number)
            fleet.organisations[worker.clinic] = organisation
            worker.connect(xero.control, organisation)
        fleet.work()
        assert fleet.states() == {"failed": fleet.total}
        xero.control.clear_faults()
        xero.control.clear_ledger()
        yield fleet


@pytest.fixture
def operator(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    with new_login(database_url, "operator") as url:
        yield Operator(url, monkeypatch, capsys)


def test_from_finding_the_cause_to_the_last_replay_in_three_commands(
    fleet: Fleet, operator: Operator
) -> None:
    [cause] = operator.json("failures", "list")
    assert (cause["fingerprint"], cause["failures"], cause["clinics"]) == (CAUSE, fleet.total, CLINICS)
    assert cause["context"] == {"status": "400"}

    dry = operator.json("replay", "--fingerprint", CAUSE)
    assert (dry["failures"], dry["calls"], len(dry["clinics"])) == (fleet.total, fleet.total, CLINICS)
    assert all(one["calls_left_today"] > STAFF for one in dry["clinics"])
    assert fleet.tick() == 0

    wish = ("--fingerprint", CAUSE, "--reason", "T-7", "--detach")
    assert "try a few first" in operator.run("replay", "--all", *wish, code=1)
    canary = operator.json("replay", "--canary", "5", *wish)
    fleet.work()
    shown = operator.json("replay", "show", str(canary["id"]))
    assert (shown["state"], shown["succeeded"]) == ("finished", 5)
    settled = value(fleet.database_url, "SELECT min(id) FROM allie_xero.failure WHERE state = 'resolved'")
    [failure] = operator.json("failures", "show", str(settled))["failures"]
    assert (failure["replay_id"], failure["settled_by"]) == (canary["id"], None)
    assert f" by replay {canary['id']}\n" in operator.run("failures", "show", str(settled))
    assert "{" not in operator.run("replay", "show", str(canary["id"]))
    assert len({tenant for tenant, _ in fleet.asked()}) == CLINICS

    rest = operator.json("replay", "--all", *wish)
    fleet.work()
    assert fleet.states() == {"resolved": fleet.total}
    asked = fleet.asked()
    assert (len(asked), set(asked.values())) == (fleet.total, {1})
    assert fleet.xero.control.counts("status")["by"].get("429", 0) == 0
    audit = operator.json("replay", "show", str(rest["id"]))["audit"]
    assert [(one["action"], one["operator"], one["reason"]) for one in audit] == [
        ("begun", "olga", "T-7"),
        ("finished", "dispatcher", "T-7"),
    ]
    assert audit[0]["detail"]["failures"] == fleet.total - 5


def test_a_replay_that_nobody_begins_says_so_and_goes_on_once_somebody_does(
    fleet: Fleet, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.cli.replay.BEGINS_WITHIN_S", 0.0)
    dispatcher = Timer(1.5, fleet.work)
    dispatcher.start()
    said = operator.run("replay", "--fingerprint", CAUSE, "--canary", "5", "--reason", "T-7")
    dispatcher.join()
    assert "has begun." in said
    assert "does a dispatcher run?" in said
    assert "is over: 5 went well" in said


def test_a_person_reads_what_to_do_and_a_replay_that_does_no_good_stops_itself(
    fleet: Fleet, operator: Operator
) -> None:
    said = operator.run("failures", "list")
    assert f"\n{CAUSE} " in said
    assert "allie-xero failures show FINGERPRINT" in said
    said = operator.run("failures", "show", CAUSE)
    assert f"allie-xero replay --fingerprint {CAUSE}" in said
    assert "status 400" in said
    said = operator.run("replay", "--fingerprint", CAUSE)
    count = fleet.total
    assert f"{count} failures of 3 clinics, about {count} calls to Xero. Nothing was changed." in said
    assert f"Next: allie-xero replay --fingerprint {CAUSE} --canary 5 --reason TICKET" in said
    number = value(fleet.database_url, "SELECT min(id) FROM allie_xero.failure")
    assert "Attempts, newest first" in operator.run("failures", "show", str(number))
    assert "No failure" in operator.run("failures", "show", "nothing", code=1)
    assert "No replay 404" in operator.run("replay", "show", "404", code=1)
    assert "not both" in operator.run("replay", "--all", "--canary", "1", "--reason", "x", code=2)
    assert "expected a time" in operator.run("failures", "list", "--since", "whenever", code=2)
    assert "No failures." in operator.run("failures", "list", "--until", "166 days ago")

    wish = ("--fingerprint", CAUSE, "--reason", "T-7", "--detach")
    operator.run("replay", "--canary", "5", *wish)
    fleet.work()
    fleet.xero.control.inject("status", status=400, path=EMPLOYEES)
    begun = operator.json("replay", "--all", *wish)
    fleet.work()
    shown = operator.json("replay", "show", str(begun["id"]))
    assert (shown["state"], shown["failed"], shown["succeeded"]) == ("stopped", 10, 0)
    assert shown["skipped"] == fleet.total - 15
    assert fleet.states() == {"resolved": 5, "failed": fleet.total - 5}
    attempts = "SELECT count(*) FROM allie_xero.failure_attempt WHERE number = 2"
    assert value(fleet.database_url, attempts) == 10


def test_a_replay_is_steered_by_hand_and_approved_by_another_and_the_rest_discarded(
    fleet: Fleet, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = operator.json("replay", "--canary", "9", "--reason", "T-7", "--rate", "1", "--detach")
    number = str(begun["id"])
    operator.run("replay", "pause", number, "--reason", "lunch")
    for _ in range(5):
        fleet.tick()
    assert operator.json("replay", "show", number)["waiting"] == 9
    operator.run("replay", "resume", number)
    fleet.tick()
    assert "is cancelled" in operator.run("replay", "cancel", number, "--reason", "enough")
    assert "it cannot be steered so" in operator.run("replay", "resume", number, code=1)
    [shown, *_] = operator.json("replay", "list")
    assert (shown["state"], shown["skipped"] >= 8) == ("cancelled", True)

    monkeypatch.setenv("ALLIE_XERO_FOUR_EYES_OVER", "3")
    begun = operator.json("replay", "--canary", "4", "--reason", "T-7")
    number = str(begun["id"])
    assert begun["state"] == "awaiting_approval"
    assert "somebody else has to approve" in operator.run("replay", "approve", number, code=1)
    operator.name = "otto"
    operator.run("replay", "approve", number)
    fleet.work()
    assert operator.json("replay", "show", number)["succeeded"] == 4

    wish = ("failures", "discard", "--fingerprint", CAUSE, "--reason", "Test clinic")
    left = fleet.states()["failed"]
    assert f"{left} would be discarded" in operator.run(*wish)
    assert operator.json(*wish, "--yes") == {"discarded": left}
    assert fleet.states()["discarded"] == left
    settled = "SELECT DISTINCT settled_by, settled_why FROM allie_xero.failure WHERE state = 'discarded'"
    assert rows(fleet.database_url, settled) == [("otto", "Test clinic")]
    gone = value(fleet.database_url, "SELECT min(id) FROM allie_xero.failure WHERE state = 'discarded'")
    assert " by otto: Test clinic\n" in operator.run("failures", "show", str(gone))
    assert "Say which" in operator.run("failures", "discard", "--reason", "x", code=2)


def test_a_thousand_failures_of_one_cause_are_replayed_once_each_within_every_limit(
    database_url: str, operator: Operator
) -> None:
    wish = ("--fingerprint", CAUSE, "--reason", "T-7", "--detach")
    with refused(database_url, 20, 50, runs=0, minute_limit=300, day_limit=1_000) as fleet:
        total = fleet.total
        assert total >= 1_000
        operator.run("replay", "--canary", "5", *wish)
        fleet.work()
        assert fleet.states() == {"resolved": 5, "failed": total - 5}

        fleet.xero.control.inject("status", status=400, path=EMPLOYEES)  # the cause is back
        begun = operator.json("replay", "--all", *wish)
        fleet.work()
        shown = operator.json("replay", "show", str(begun["id"]))
        assert (shown["state"], shown["failed"], shown["skipped"]) == ("stopped", 10, total - 15)

        fleet.xero.control.clear_faults()
        fleet.xero.control.clear_ledger()
        operator.run("replay", "--all", *wish)
        fleet.work()
        assert fleet.states() == {"resolved": total}
        asked = fleet.asked()
        assert (len(asked), set(asked.values())) == (total - 5, {1})
        assert fleet.xero.control.counts("status")["by"].keys() == {"200"}
