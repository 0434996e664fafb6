"""The example programs against the real service: worker and dispatcher as processes, RabbitMQ, PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from deployment.platform import Platform, platform
from deployment.processes import Deployment, deployed, until
from entrypoints.local.process import free_port
from events.programs import LANGUAGES, Programs, consuming, produce, programs, serving
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


@pytest.mark.usefixtures("service")
def test_the_settings_page_sends_a_clinic_to_xero_and_hands_the_code_over_once(
    xero: Running, main_platform: Platform, module_vhost_url: str, tmp_path: Path
) -> None:
    organisation = xero.control.create_organisation(staff=2, runs=1, seed=77)
    with serving(module_vhost_url, xero.url, free_port(), tmp_path / "log") as page:
        asked = dict(parse_qsl(urlsplit(followed(f"{page}/clinics/clinic-77/connect")).query))
        chosen = {**asked, "choice": f"{organisation.owner}:{organisation.tenant_id}", "decision": "allow"}
        callback = followed(f"{xero.url}/identity/connect/authorize", chosen)
        assert callback.startswith(f"{page}/xero/callback?")
        assert followed(callback) == "/clinics/clinic-77?xero=connecting"
        assert followed(callback) == "/clinics/clinic-77?xero=connecting"
        with pytest.raises(HTTPError, match="400"):
            followed(f"{page}/xero/callback?code=stolen&state=guessed")
        denied = followed(f"{xero.url}/identity/connect/authorize", {**asked, "decision": "deny"})
        assert followed(denied) == "/clinics/clinic-77?xero=access_denied"
    until(lambda: main_platform.events("sync-finished", clinic_id="clinic-77"), "the sync")
    (answer,) = main_platform.events("connection-changed", clinic_id="clinic-77")
    assert answer["data"]["status"] == "active"


class Unfollowed(HTTPRedirectHandler):
    """Leaves a redirect to who asked."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def followed(url: str, form: dict[str, str] | None = None) -> str:
    """Where an address redirects to. Raises HTTPError where it does not."""
    try:
        build_opener(Unfollowed).open(url, urlencode(form).encode() if form else None)
    except HTTPError as error:
        if error.code == 302:
            return str(error.headers["location"])
        raise
    raise AssertionError(f"{url} is no redirect")
