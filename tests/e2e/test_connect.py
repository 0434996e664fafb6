"""`allie-xero connect`: consent in a real browser, caught on localhost, worked by the real service."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deployment.clinic import CLINIC, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from services.browser import Browser, browsing
from simulator.client import SCOPES, Control
from simulator.server import Running


@dataclass
class Connecting:
    """The command while it runs; the browser that it opens only writes down where to."""

    process: "subprocess.Popen[str]"
    opened: Path

    @property
    def consent_page(self) -> str:
        """Where the command sends the browser."""
        until(lambda: self.opened.exists() and self.opened.read_text().endswith("\n"), "the browser")
        return self.opened.read_text().strip()

    @property
    def redirect_uri(self) -> str:
        return parse_qs(urlsplit(self.consent_page).query)["redirect_uri"][0]

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was said."""
        said, _ = self.process.communicate(timeout=90)
        return self.process.returncode, said


@contextmanager
def connecting(service: Deployment, xero: Running, folder: Path, *options: str) -> Iterator[Connecting]:
    opened = folder / "opened"
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    command = [sys.executable, "-m", "entrypoints.cli", "connect", CLINIC, "--port", "0", *options]
    environment = {**service.environment, "XERO_LOGIN_URL": xero.url, "BROWSER": str(browser)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Connecting(process, opened)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as started:
        yield started


def test_a_clinic_consents_in_the_browser_and_is_connected(  # noqa: PLR0917 -- fixtures
    browser: Browser,
    service: Deployment,
    main_platform: Platform,
    control: Control,
    xero: Running,
    database_url: str,
    tmp_path: Path,
) -> None:
    organisation = control.create_organisation(staff=2, runs=1, seed=11)
    service.start_dispatcher()
    service.start_worker()
    with connecting(service, xero, tmp_path) as command:
        browser.go(command.consent_page)
        assert "can read these seven kinds of data" in browser.text
        browser.click(f"input[value$='{organisation.tenant_id}']")
        browser.click("button[value=allow]")
        thanks = command.redirect_uri.replace("/callback", "/done")
        until(lambda: browser.url == thanks, "the thanks")
        until(lambda: "You can close this window" in browser.text, "its words")
        code, said = command.end()
    assert code == 0, said
    assert f"{CLINIC} is connected to {organisation.name}." in said
    until(lambda: main_platform.events("connection-changed", clinic_id=CLINIC, status="active"), "the event")
    assert value(database_url, "SELECT requested_by FROM allie_xero.sync") == "allie-xero connect"
    asked = parse_qs(urlsplit(command.consent_page).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked["scope"][0].split()) == set(SCOPES)
    assert "code=" not in said


def test_a_clinic_that_denies_is_not_connected(
    browser: Browser, service: Deployment, control: Control, xero: Running, tmp_path: Path
) -> None:
    control.create_organisation(staff=2, runs=1, seed=11)
    with connecting(service, xero, tmp_path) as command:
        browser.go(command.consent_page)
        browser.click("button[value=deny]")
        code, said = command.end()
    assert code == 1
    assert said.endswith("Xero says no: access_denied\n")


def test_an_answer_that_was_not_asked_for_is_refused(
    service: Deployment, xero: Running, tmp_path: Path
) -> None:
    with connecting(service, xero, tmp_path) as command:
        for query in ("code=stolen&state=guessed", "code=stolen", "error=access_denied", ""):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(f"{command.redirect_uri}?{query}")
        assert command.process.poll() is None


def test_without_a_service_it_says_what_is_missing(
    service: Deployment, xero: Running, tmp_path: Path
) -> None:
    with connecting(service, xero, tmp_path) as command:
        state = parse_qs(urlsplit(command.consent_page).query)["state"][0]
        urllib.request.urlopen(f"{command.redirect_uri}?code=one&state={state}")
        code, said = command.end()
    assert code == 3
    assert "no queue takes this event yet; start a dispatcher or a worker first" in said
