"""Chromium without a screen, driven over the W3C WebDriver protocol (https://www.w3.org/TR/webdriver2/)."""

import json
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from services.needs import leave_out

NO_BROWSER = "no Chromium: install chromium and chromium-driver"
QUIET = [
    "--headless",
    "--no-sandbox",  # Chromium's own refuses to run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name of an element's reference, set by the standard."""


@dataclass(frozen=True)
class Browser:
    """One window."""

    session: str

    def go(self, url: str) -> None:
        """Load a page and wait for it."""
        self._call("POST", "url", {"url": url})

    @property
    def url(self) -> str:
        """The address that is shown."""
        return str(self._call("GET", "url"))

    @property
    def text(self) -> str:
        """What a reader of the page sees."""
        script = "return document.body ? document.body.innerText : ''"
        return str(self._call("POST", "execute/sync", {"script": script, "args": []}))

    def click(self, css: str) -> None:
        """Click on the first element that fits."""
        self._call("POST", f"element/{self._find(css)}/click", {})

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", "")

    def _find(self, css: str) -> str:
        found = self._call("POST", "element", {"using": "css selector", "value": css})
        return str(found[ELEMENT])

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return call(method, f"{self.session}/{path}".rstrip("/"), body)


def call(method: str, url: str, body: object = None) -> Any:
    """One command; an error of the driver is raised as HTTPError."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser with an empty profile; leaves the asking test out where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        leave_out(NO_BROWSER)
    with (
        tempfile.TemporaryDirectory(prefix="allie-xero-browser-", ignore_cleanup_errors=True) as profile,
        subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            options = {"binary": chromium, "args": [*QUIET, f"--user-data-dir={profile}"]}
            wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
            driver_url = f"http://127.0.0.1:{_port(process)}"
            session = call("POST", f"{driver_url}/session", wanted)["sessionId"]
            browser = Browser(f"{driver_url}/session/{session}")
            try:
                yield browser
            finally:
                browser.close()
        finally:
            process.terminate()


def _port(process: "subprocess.Popen[str]") -> str:
    for line in process.stdout or ():
        if found := re.search(r"started successfully on port (\d+)", line):
            return found[1]
    raise AssertionError("chromedriver did not start")
