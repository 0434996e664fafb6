"""The example programs of `examples/events/`, in both languages."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.processes import until
from entrypoints.local.process import environment_without
from services.node import node_project
from simulator.client import CLIENT_ID

EXAMPLES = Path(__file__).parents[2] / "examples" / "events"
LANGUAGES = ("python", "node")


@dataclass(frozen=True)
class Programs:
    """One language's producer and consumer, as commands."""

    producer: list[str]
    consumer: list[str]


def programs(language: str) -> Programs:
    """The programs, ready to run; leaves the asking test out where the language is missing."""
    if language == "python":
        folder = EXAMPLES / "python"
        return Programs(
            [sys.executable, str(folder / "producer.py")], [sys.executable, str(folder / "consumer.py")]
        )
    folder = node_project(EXAMPLES / "node")
    return Programs(["node", str(folder / "producer.mjs")], ["node", str(folder / "consumer.mjs")])


def produce(command: list[str], amqp_url: str, happened: dict[str, Any]) -> str:
    """Tell a producer what has happened; gives the id of the event that it published."""
    done = subprocess.run(
        command,
        input=json.dumps(happened),
        env={**environment_without("AMQP_"), "AMQP_URL": amqp_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def consuming(command: list[str], amqp_url: str, folder: Path) -> Iterator[Callable[[], list[str]]]:
    """A consumer that runs; gives a function for the lines that it has printed."""
    folder.mkdir()
    said = folder / "said.txt"
    environment = {**environment_without("AMQP_"), "AMQP_URL": amqp_url, "QUEUE": folder.name}
    with said.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)

    def lines() -> list[str]:
        return said.read_text().splitlines()

    try:
        until(lambda: "ready" in lines() or process.poll() is not None, "the consumer")
        yield lines
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode == 0, said.read_text()


@contextmanager
def serving(amqp_url: str, xero_url: str, port: int, log: Path) -> Iterator[str]:
    """The example of a settings page while it runs; gives its address."""
    environment = {
        **environment_without("AMQP_", "XERO_"),
        "AMQP_URL": amqp_url,
        "XERO_LOGIN_URL": xero_url,
        "XERO_CLIENT_ID": CLIENT_ID,
    }
    command = [sys.executable, str(EXAMPLES / "python" / "settings_page.py"), str(port)]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            until(lambda: listens(port) or process.poll() is not None, "the settings page")
            yield f"http://localhost:{port}"
        finally:
            process.terminate()


def listens(port: int) -> bool:
    """Whether something answers on a port of loopback."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
