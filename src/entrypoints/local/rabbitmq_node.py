"""What a RabbitMQ node needs before it starts: binaries, names, ports, files and environment."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from entrypoints.local.process import LOOPBACK, environment_without, free_port
from entrypoints.local.rabbitmq_control import RabbitmqControl

# Debian's script on the PATH insists on the account `rabbitmq`; the package's own, here, does not.
_SCRIPTS: Final = (
    "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "opt/rabbitmq/sbin",
    "opt/homebrew/opt/rabbitmq/sbin",
    "usr/local/opt/rabbitmq/sbin",
)
_EPMDS: Final = ("usr/lib*/erlang/erts-*/bin/epmd", "opt/homebrew/lib/erlang/erts-*/bin/epmd")
_LOOPBACK_ONLY: Final = "-kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where RabbitMQ's scripts (`rabbitmq-server`, `rabbitmqctl`) and Erlang's `epmd` are."""

    scripts: Path
    epmd: Path

    @property
    def version(self) -> str:
        """The version in the folder's name, such as `3.10.8`, or an empty text."""
        return self.scripts.resolve().parent.name.partition("rabbitmq_server-")[2]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the nodes of one cluster share; a single node is a cluster of one."""

    epmd_port: int = field(default_factory=free_port)
    cookie: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """One node's name, ports and files, all below one folder that is also its home."""

    folder: Path
    cluster: Cluster
    port: int = field(default_factory=free_port)
    distribution_port: int = field(default_factory=free_port)

    @property
    def name(self) -> str:
        """The Erlang name; `localhost` needs no name server."""
        return f"rmq{self.port}@localhost"

    def write_files(
        self, config: Sequence[str], plugins: Sequence[str], consumer_timeout: timedelta | None
    ) -> None:
        """Write the cookie and the four configuration files that replace the machine's own."""
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(self.cluster.cookie)
        cookie.chmod(0o400)
        lines = [
            f"listeners.tcp.1 = {LOOPBACK}:{self.port}",
            f"default_user = {RabbitmqControl.user}",
            f"default_pass = {self.cluster.password}",
            "log.file = false",
            "log.console = true",
            "disk_free_limit.absolute = 50MB",
            "vm_memory_high_watermark.absolute = 1GB",
            *config,
        ]
        advanced = "[]."
        if consumer_timeout is not None:
            lines.append(f"consumer_timeout = {consumer_timeout // timedelta(milliseconds=1)}")
            advanced = "[{rabbit, [{channel_tick_interval, 2000}]}]."  # how often it is looked at
        (self.folder / "rabbitmq.conf").write_text("\n".join([*lines, ""]))
        (self.folder / "advanced.config").write_text(advanced)
        (self.folder / "enabled_plugins").write_text(f"[{','.join(plugins)}].")
        (self.folder / "rabbitmq-env.conf").touch()

    def environment(self) -> dict[str, str]:
        """
        Return an environment in which the node sees nothing of the machine's own RabbitMQ.

        `ALLOW_INPUT` makes the script `exec` the virtual machine, so that there is one process and
        TERM stops it; that one then needs `-noinput`. The others:
        https://www.rabbitmq.com/docs/configure
        """
        home = str(self.folder)
        return environment_without("RABBITMQ_", "ERL_") | {
            "HOME": home,
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self.cluster.epmd_port),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": f"{home}/logs",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK_ONLY,
            "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK_ONLY,
        }


def find_binaries() -> Binaries | None:
    """Return the newest RabbitMQ on this machine, or None where it or Erlang is missing."""
    epmd = next(_epmds(), None)
    scripts = sorted(path for place in _SCRIPTS for path in Path("/").glob(place))
    if epmd is None or not scripts or shutil.which("erl") is None:
        return None
    return Binaries(scripts[-1], epmd)


def _epmds() -> Iterator[Path]:
    if (on_path := shutil.which("epmd")) is not None:
        yield Path(on_path)
    for place in _EPMDS:
        yield from Path("/").glob(place)
