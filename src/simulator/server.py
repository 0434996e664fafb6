"""Starting the simulator: here, in a child process, or in a thread."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.app import TRANSPORT, Application
from simulator.client import Control
from simulator.world import World

LOOPBACK = "127.0.0.1"
_BACKLOG = 1_024
_PATIENCE = 30.0  # seconds to start or to end


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that runs: where it is, and how to drive it. `pid` is None in a thread."""

    url: str
    control: Control
    pid: int | None


class _Protocol(HttpToolsProtocol):
    """Tells the application its transport, so that it can cut connections."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[TRANSPORT] = self.transport


def listening(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """A listening socket; port 0 picks a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


def run(world: World, listener: socket.socket, *, while_stdin_open: bool = False) -> None:
    """Serve until a signal ends it, or until standard input closes if asked to."""
    server = _server(world)

    async def serve() -> None:
        if while_stdin_open:
            loop = asyncio.get_running_loop()
            loop.add_reader(sys.stdin.fileno(), lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listener])

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())


@contextmanager
def running(port: int = 0, *, seed: int = 1, **settings: object) -> Iterator[Running]:
    """
    A simulator in a child process, ended on exit.

    The child also ends by itself when this process does, for it watches its standard input.
    """
    with listening(port=port) as listener:
        address = "http://{}:{}".format(*listener.getsockname())
        command = [sys.executable, "-m", "simulator", "serve", "--seed", str(seed)]
        source = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
        child = subprocess.Popen(
            [*command, "--descriptor", str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": path},
        )
    try:
        control = Control(address)
        control.health()  # the socket listens already: this waits until the child serves
        control.settings(**settings)
        yield Running(address, control, child.pid)
    finally:
        _end(child)


@contextmanager
def running_in_thread(world: World | None = None, port: int = 0) -> Iterator[Running]:
    """A simulator in a thread of this process."""
    server = _server(world or World())
    listener = listening(port=port)
    address = "http://{}:{}".format(*listener.getsockname())

    def serve() -> None:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))

    thread = threading.Thread(target=serve, name="simulator", daemon=True)
    thread.start()
    try:
        control = Control(address)
        control.health()
        yield Running(address, control, None)
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)
        listener.close()


def _server(world: World) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            Application(world),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=300,
            timeout_graceful_shutdown=1,
        )
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
