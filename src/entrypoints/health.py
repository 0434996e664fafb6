"""The small HTTP server inside every process: `/metrics`, `/live`, `/ready`."""

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Probe = Callable[[], list[str]]
"""What is wrong, in a few words each; nothing if all is well."""

REST_S = 5.0


class Rested:
    """A probe that asks another service: at most every five seconds, and by one caller at a time."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._lock = Lock()
        self._answer: list[str] = []
        self._asked_at = 0.0

    def __call__(self) -> list[str]:
        """The last answer, or a new one; a problem if the one that is awaited does not come."""
        if not self._lock.acquire(blocking=False):
            return self._answer or self._overdue()
        try:
            if time.monotonic() - self._asked_at > REST_S:
                self._asked_at = time.monotonic()
                self._answer = self._probe()
            return self._answer
        finally:
            self._lock.release()

    def _overdue(self) -> list[str]:
        since = time.monotonic() - self._asked_at
        return [f"no answer for {since:.0f} s"] if since > 2 * REST_S else []


def start(
    host: str, port: int, *, registry: CollectorRegistry, live: Probe, ready: Probe
) -> ThreadingHTTPServer:
    """Serve in the background; port 0 takes a free one. Raises OSError if the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/live":
                    self._probe(live)
                case "/ready":
                    self._probe(ready)
                case _:
                    self._answer(404, b"not found\n", "text/plain")

        def _probe(self, probe: Probe) -> None:
            problems = probe()
            body = "\n".join(problems) if problems else "ok"
            self._answer(503 if problems else 200, f"{body}\n".encode(), "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: probes come every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def address(server: ThreadingHTTPServer) -> str:
    """Where it can be asked."""
    host, port = server.socket.getsockname()[:2]
    return f"http://{host}:{port}"
