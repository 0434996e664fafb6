"""`allie-xero xero probe`, with the consent of a clinic that is connected to a demo company."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from adapters.crypto.generation import new_document
from deployment.service import ServiceInProcess, in_process
from entrypoints.local.process import environment_without
from simulator.client import CLIENT_ID, CLIENT_SECRET
from simulator.server import Running, running_in_thread


@pytest.fixture
def xero() -> Iterator[Running]:
    with running_in_thread() as simulator:
        yield simulator


@pytest.fixture
def environment(database_url: str, xero: Running) -> dict[str, str]:
    return {
        "ALLIE_XERO_ENVIRONMENT": "test",
        "ALLIE_XERO_KEYRING": json.dumps(new_document()),
        "DATABASE_URL": database_url,
        "AMQP_URL": "amqp://nobody",
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "XERO_IDENTITY_URL": xero.url,
        "XERO_API_URL": xero.url,
    }


@pytest.fixture
def service(database_url: str, xero: Running, environment: dict[str, str]) -> Iterator[ServiceInProcess]:
    with in_process(database_url, xero.url, **environment) as started:
        yield started


def probe(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "xero", "probe", "clinic-1", *arguments],
        env={
            **environment_without("AMQP_", "DATABASE_", "XERO_", "ALLIE_"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "COLUMNS": "160",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def connect(service: ServiceInProcess, xero: Running, *, is_demo: bool) -> None:
    organisation = xero.control.create_organisation(staff=3, runs=12, seed=5, is_demo=is_demo)
    service.connect(xero.control, organisation)


def test_it_compares_xero_with_what_is_assumed_and_prints_a_record(
    service: ServiceInProcess, xero: Running, environment: dict[str, str]
) -> None:
    connect(service, xero, is_demo=True)
    done = probe(environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "How does a tax file number come?" in done.stdout
    assert done.stdout.count("as assumed") == 21
    done = probe(environment, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(done.stdout)
    assert record["region"] == "AU"
    assert record["asked"][0]["shape"]["Settings"]["DaysInPayrollYear"] == "digits"

    xero.control.settings(gzip=False)
    done = probe(environment)
    assert done.returncode == 1
    assert done.stdout.count("differs") == 1


def test_it_refuses_a_clinics_own_organisation(
    service: ServiceInProcess, xero: Running, environment: dict[str, str]
) -> None:
    connect(service, xero, is_demo=False)
    done = probe(environment)
    assert done.returncode == 1
    assert "Xero does not call this organisation a demo company" in done.stderr
    assert "as assumed" not in done.stdout


def test_it_refuses_a_clinic_that_is_not_connected(environment: dict[str, str]) -> None:
    done = probe(environment)
    assert done.returncode == 1
    assert "clinic-1 is not connected; see: allie-xero connect clinic-1" in done.stderr
