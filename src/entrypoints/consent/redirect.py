"""
A web server on loopback that catches Xero's redirect, once.

The address with the code is answered with another redirect, so that it stays neither in the address bar nor
in the browser's history; nothing is logged.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LOOPBACK = "127.0.0.1"
CALLBACK = "/callback"
DONE = "/done"

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style>
<h1>{title}</h1><p>{text}</p></html>"""
THANKS = PAGE.format(title="Thank you", text="You can close this window. The terminal says how it goes on.")
STRANGE = PAGE.format(
    title="Not from here",
    text="This answer does not belong to the request that the terminal waits for. Please use the link there.",
)


@dataclass(frozen=True, slots=True)
class Redirected:
    """Xero's answer: a code, or OAuth's word for why there is none."""

    code: str | None = field(repr=False)
    error: str | None


class Catcher:
    """Where the answer arrives."""

    def __init__(self, port: int) -> None:
        self._answers: SimpleQueue[Redirected] = SimpleQueue()
        self.is_mine: Callable[[str], bool] = lambda _state: False
        self._server = ThreadingHTTPServer((LOOPBACK, port), self._handler())
        self.redirect_uri = f"http://localhost:{self._server.server_port}{CALLBACK}"

    def wait(self, seconds: float) -> Redirected | None:
        """The answer; None if none comes in time."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return None

    def serve(self) -> None:
        """Answer browsers until `close`."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, query: dict[str, str]) -> bool:
        """Take an answer, if it belongs to the request."""
        if not self.is_mine(query.get("state", "")) or not query.keys() & {"code", "error"}:
            return False
        self._answers.put(Redirected(query.get("code"), query.get("error")))
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == CALLBACK:
                    taken = take(dict(parse_qsl(parts.query)))
                    self._answer(302, location=DONE) if taken else self._answer(400, STRANGE)
                else:
                    self._answer(200, THANKS) if parts.path == DONE else self._answer(404)

            def _answer(self, status: int, page: str = "", **headers: str) -> None:
                body = page.encode()
                self.send_response_only(status)
                for name, value in {**HEADERS, **headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name in the library
                """Say nothing: the address holds the code."""

        return Handler


HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}


@contextmanager
def catching(port: int) -> Iterator[Catcher]:
    """A catcher on a port of loopback, 0 for any. Raises OSError where the port is taken."""
    catcher = Catcher(port)
    thread = Thread(target=catcher.serve, name="redirect", daemon=True)
    thread.start()
    try:
        yield catcher
    finally:
        catcher.close()
        thread.join()
