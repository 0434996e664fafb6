"""The control API, the ledger, and starting and ending a simulator."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.caller import Caller, connected
from simulator.client import Control, ControlError, Organisation
from simulator.server import Running, running, running_in_thread
from simulator.world import World


def test_an_exact_clinic_has_just_what_was_asked_for(control: Control) -> None:
    clinic = control.create_exact_organisation(staff=12, runs=26)
    assert clinic.counts == {
        "employees": 12,
        "pay_runs": 26,
        "payslips": 312,
        "timesheets": 312,
        "leave": 0,
    }
    truth = control.truth(clinic.tenant_id, ["pay_runs", "calendars"], payslips=False)
    assert {run["status"] for run in truth["pay_runs"]} == {"posted"}
    assert len(truth["calendars"]) == 1
    assert "payslips" not in truth["pay_runs"][0]


def test_truth_keeps_private_values_apart(control: Control, clinic: Organisation) -> None:
    truth = control.truth(clinic.tenant_id)
    private = truth.pop("private")
    public = json.dumps(truth)
    for person in private["employees"]:
        for secret in (
            person["tax_number"],
            person["date_of_birth"],
            person["address"]["line1"],
            person["phone"],
            person["mobile"],
            person["pension_member_number"],
            person["bank_accounts"][0]["number"],
        ):
            assert secret not in public
    assert private["organisation"]["api_key"] not in public


def test_a_seed_can_be_used_once_and_unknown_options_are_refused(control: Control) -> None:
    control.create_organisation(seed=77, runs=1)
    with pytest.raises(ControlError, match="77 exists"):
        control.create_organisation(seed=77, runs=1)
    with pytest.raises(ControlError, match="stuff"):
        control.create_organisation(stuff=1)
    with pytest.raises(ControlError, match="no such user"):
        control.create_organisation(users=["nobody"])


def test_impossible_changes_say_why(control: Control, clinic: Organisation) -> None:
    with pytest.raises(ControlError, match=r"409: .*no such change: nonsense"):
        control.change(clinic.tenant_id, "nonsense")
    with pytest.raises(ControlError, match=r"409: .*nothing to delete draft run"):
        control.change(clinic.tenant_id, "delete_draft_run", id="unknown")
    with pytest.raises(ControlError, match="404"):
        control.change("unknown", "new_leave")


def test_settings_are_checked(control: Control) -> None:
    with pytest.raises(ControlError, match="minute_limits"):
        control.settings(minute_limits=1)
    with pytest.raises(ControlError, match="rotation_policy"):
        control.settings(rotation_policy="whatever")
    assert control.settings()["limits"] is False


def test_the_clock_can_be_frozen_advanced_and_thawed(control: Control) -> None:
    assert control.freeze("2030-01-01T00:00:00+00:00") == "2030-01-01T00:00:00Z"
    assert control.advance(90) == "2030-01-01T00:01:30Z"
    assert control.health()["now"] == "2030-01-01T00:01:30Z"
    assert control.thaw().startswith("2030-01-01T00:01:3")
    first = control.health()["now"]
    time.sleep(0.01)
    assert control.health()["now"] > first


def test_the_ledger_notes_every_request_but_the_controls(
    control: Control, clinic: Organisation, caller: Caller
) -> None:
    control.clear_ledger()
    plain = caller.au("PayItems")
    caller.au("PayItems", {"Accept-Encoding": "gzip"})
    caller.get("/connections")
    first, second, third = control.ledger()
    assert (first["method"], first["path"], first["status"]) == ("GET", "/payroll.xro/1.0/PayItems", 200)
    assert (first["tenant"], first["user"]) == (clinic.tenant_id, clinic.owner)
    assert first["bytes_decoded"] == len(plain.wire) < first["bytes_sent"]
    assert second["bytes_sent"] < second["bytes_decoded"] == first["bytes_decoded"]
    assert third["seq"] == first["seq"] + 2
    assert [visit["seq"] for visit in control.ledger(path="*/payitems", since=first["seq"])] == [
        second["seq"]
    ]
    counts = control.counts("path,status", tenant=clinic.tenant_id)
    assert counts["by"] == {"/payroll.xro/1.0/PayItems 200": 2, "/connections 200": 1}
    assert counts["bytes_sent"] == sum(v["bytes_sent"] for v in (first, second, third))


def test_bytes_sent_are_the_bytes_on_the_wire(control: Control, clinic: Organisation) -> None:
    token = control.token_set(clinic)["access_token"]
    host, port = control.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            (
                f"GET /payroll.xro/1.0/Settings HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
                f"Xero-Tenant-Id: {clinic.tenant_id}\r\n\r\n"
            ).encode()
        )
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65_536)
    assert control.ledger(limit=1)[-1]["bytes_sent"] == len(received)


def test_the_ledger_is_bounded(control: Control, caller: Caller) -> None:
    control.settings(ledger_size=3)
    control.clear_ledger()
    for _ in range(5):
        caller.get("/connections")
    assert len(control.ledger()) == 3
    assert control.call("GET", "/ledger")["capacity"] == 3


def test_users_can_be_made_and_shared(control: Control) -> None:
    user = control.create_user("Kim", "Owner", "kim@clinics.example")
    first, second = (control.create_organisation(runs=1, users=[user]) for _ in range(2))
    assert first.owner == second.owner == user
    assert user in {row["id"] for row in control.call("GET", "/users")}


def test_a_user_can_join_an_organisation_later(control: Control, clinic: Organisation) -> None:
    user = control.create_user("Kim", "Owner", "kim@clinics.example")
    with pytest.raises(ControlError, match="access_denied"):
        control.consent(user, [clinic.tenant_id])
    control.set_member(clinic.tenant_id, user, role="FINANCIALADVISER")
    assert control.consent(user, [clinic.tenant_id])
    with pytest.raises(ControlError, match="404"):
        control.set_member(clinic.tenant_id, "nobody")


def test_the_same_seed_and_calls_give_the_same_bytes() -> None:
    def play(seed: int) -> list[bytes]:
        answers: list[bytes] = []
        with running_in_thread(World(seed)) as simulator:
            control = simulator.control
            control.freeze("2026-11-23T09:00:00+00:00")
            clinic = control.create_organisation(staff=4, runs=2)
            token_set = control.token_set(clinic)
            answers.append(json.dumps(token_set).encode())
            caller = Caller(control.url, token_set["access_token"], clinic.tenant_id)
            for number in range(5):
                done = control.change(clinic.tenant_id)
                answers.append(json.dumps(done).encode())
                answers.append(caller.au("PayRuns", {"Accept-Encoding": "gzip"}).wire)
                answers.append(caller.au("Employees", page=number + 1).body)
        return answers

    assert play(5) == play(5)
    assert play(5) != play(6)


def test_a_simulator_in_a_thread_serves_and_ends() -> None:
    with running_in_thread() as simulator:
        caller = connected(simulator.control, simulator.control.create_organisation(runs=1))
        assert caller.au("PayRuns").status == 200
    with pytest.raises(OSError):  # noqa: PT011 -- refused, in whatever words
        simulator.control.health()


def test_the_child_process_ends_with_its_context() -> None:
    with running(seed=9, limits=False) as simulator:
        assert simulator.control.health()["seed"] == 9
        assert simulator.control.settings()["limits"] is False
        pid = simulator.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import time\nfrom simulator.server import running\n"
        "with running() as simulator:\n    print(simulator.pid, flush=True)\n    time.sleep(60)\n"
    )
    source = str(Path(__file__).parents[2] / "src")
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
        cwd=tmp_path,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the child outlives its parent"
        time.sleep(0.05)


def test_keep_alive_serves_many_requests_on_one_connection(sim: Running, control: Control) -> None:
    host, port = sim.url.removeprefix("http://").split(":")
    assert control.health()["status"] == "ok"
    with socket.create_connection((host, int(port))) as connection:
        for _ in range(3):
            connection.sendall(f"GET /connections HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(65_536)
            assert received.startswith(b"HTTP/1.1 401 ")
