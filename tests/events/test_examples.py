"""The example programs against the real service: worker and dispatcher as processes, RabbitMQ, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed, until
from events.programs import LANGUAGES, Programs, consuming, produce, programs
from simulator.client import REDIRECT_URI, Control
from simulator.server import Running, running


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(minute_limit=6_000) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def main_platform(module_vhost_url: str) -> Iterator[Platform]:
    with platform(module_vhost_url) as played:
        yield played


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    module_database_url: str,
    module_vhost_url: str,
    xero: Running,
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("service")
    with deployed(folder, module_database_url, module_vhost_url, xero.url) as deployment:
        deployment.start_dispatcher()
        deployment.start_worker()
        yield deployment


@pytest.fixture(params=LANGUAGES)
def example(request: pytest.FixtureRequest) -> Programs:
    return programs(request.param)


def consented(control: Control, seed: int) -> dict[str, str]:
    """What the platform knows when Xero has sent a clinic back to it."""
    organisation = control.create_organisation(staff=3, runs=2, seed=seed)
    code = control.consent(organisation.owner, [organisation.tenant_id])
    return {"what": "consented", "code": code, "redirect_uri": REDIRECT_URI, "requested_by": "kim"}


@pytest.mark.usefixtures("service")
def test_an_example_connects_syncs_and_disconnects_a_clinic_and_hears_of_it(
    example: Programs, xero: Running, main_platform: Platform, module_vhost_url: str, tmp_path: Path
) -> None:
    clinic = {"clinic_id": f"clinic-of-{Path(example.producer[0]).stem}"}
    steps = [
        {**consented(xero.control, seed=len(clinic["clinic_id"])), **clinic},
        {"what": "asked_for_data", "mode": "reconcile", "requested_by": "lee", **clinic},
        {"what": "disconnected", "erase": "now", **clinic},
    ]
    answers = [
        ("sync-finished", {"mode": "backfill"}),
        ("sync-finished", {"requested_by": "lee"}),
        ("payroll-erased", {}),
    ]
    with consuming(example.consumer, module_vhost_url, tmp_path / clinic["clinic_id"]) as lines:
        for step, (kind, data) in zip(steps, answers, strict=True):
            produce(example.producer, module_vhost_url, step)
            until(lambda kind=kind, data=data: main_platform.events(kind, **data, **clinic), f"the {kind}")  # type: ignore[misc]
        heard = [event["id"] for event in main_platform.heard if event["subject"] == clinic["clinic_id"]]
        until(
            lambda: {line.split()[0] for line in lines()} >= set(heard), "the consumer's word of every event"
        )
    said = lines()
    assert sorted(line.split()[0] for line in said if clinic["clinic_id"] in line) == sorted(heard)
    assert any(f"{clinic['clinic_id']}: active" in line for line in said)
    assert any(f"{clinic['clinic_id']}: disconnected The connection was ended" in line for line in said)
