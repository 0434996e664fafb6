"""A private RabbitMQ node from the binaries on this machine."""

import signal
import socket
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Self
from urllib.parse import quote

from entrypoints.local.process import LOOPBACK, GuardedProcess, LocalServiceError, wait_until
from entrypoints.local.rabbitmq_control import RabbitmqControl
from entrypoints.local.rabbitmq_node import Cluster, Node, find_binaries
from entrypoints.local.service import PrivateService

AMQP_0_9_1: Final = b"AMQP\x00\x00\x09\x01"


class PrivateRabbitmq(PrivateService, RabbitmqControl):
    """
    A RabbitMQ node with a home, name, `epmd` and ports of its own.

    Args:
        config: lines for rabbitmq.conf.
        plugins: names of plug-ins to enable, such as `rabbitmq_management`.
        consumer_timeout: how long a delivery may stay unacknowledged (by default 30 minutes).
        join: a running node whose cluster this one becomes a member of when it first starts.

    Raises:
        LocalServiceError: there are no binaries.
    """

    def __init__(
        self,
        *,
        config: Sequence[str] = (),
        plugins: Sequence[str] = (),
        consumer_timeout: timedelta | None = None,
        join: Self | None = None,
    ) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise LocalServiceError("there are no RabbitMQ binaries on this machine")
        super().__init__("rabbitmq")
        self._binaries = binaries
        self._join = join
        self._member = join is None
        self._epmd: GuardedProcess | None = None
        self.node: Node = Node(self.folder, join.node.cluster if join else Cluster())
        self.node.write_files(config, plugins, consumer_timeout)
        self.description = f"private RabbitMQ {binaries.version} on port {self.node.port}"

    @property
    def url(self) -> str:
        """The AMQP URL of the virtual host `/`, as administrator."""
        return self.url_of("/")

    def url_of(self, vhost: str) -> str:
        """Return the AMQP URL of a virtual host."""
        place = f"{LOOPBACK}:{self.node.port}/{quote(vhost, safe='')}"
        return f"amqp://{self.user}:{self.node.cluster.password}@{place}"

    def start(self) -> None:
        """Start the node on its folder and ports, and return when it takes connections and commands."""
        if self._join is None and (self._epmd is None or not self._epmd.running):
            self._start_epmd()
        process = self._guarded(str(self._binaries.scripts / "rabbitmq-server"))
        self._process = process
        wait_until(self._takes_connections, process=process, log=self.log, timeout=120)
        self.ctl("await_startup")  # a node takes connections a little before it obeys rabbitmqctl
        if self._join is not None and not self._member:
            self.ctl("stop_app")
            self.ctl("join_cluster", self._join.node.name)
            self.ctl("start_app")
            self._member = True

    def close(self) -> None:
        """Stop and remove everything."""
        self.stop()
        if self._epmd is not None:
            self._epmd.stop()
        super().close()

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against this node (see `RabbitmqControl.ctl`)."""
        done = subprocess.run(
            [self._binaries.scripts / "rabbitmqctl", "-q", "-n", self.node.name, *arguments],
            env=self.node.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalServiceError(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def _start_epmd(self) -> None:
        """
        Start Erlang's name server in the foreground.

        Otherwise the node starts one that puts itself in the background and outlives it.
        """
        port = self.node.cluster.epmd_port
        epmd = self._guarded(str(self._binaries.epmd), "-port", str(port), "-address", LOOPBACK)
        self._epmd = epmd
        wait_until(lambda: _answers(port), process=epmd, log=self.log, timeout=10)

    def _guarded(self, *command: str) -> GuardedProcess:
        return GuardedProcess(
            command,
            stop=signal.SIGTERM,
            folder=self.folder,
            log=self.log,
            environment=self.node.environment(),
        )

    def _takes_connections(self) -> bool:
        return _answers(self.node.port, AMQP_0_9_1)


def _answers(port: int, greeting: bytes = b"") -> bool:
    """Whether something takes connections on the port and, when greeted, says something."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(greeting)
            return not greeting or connection.recv(1) != b""
    except OSError:
        return False
