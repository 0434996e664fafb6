"""The service's processes, and the demo."""

import os
import resource
import sys
from typing import Annotated

import typer

from entrypoints import logs
from entrypoints.selftest import check_start
from entrypoints.settings import load

SHUTDOWN_MS = 30_000
"""How long a worker may finish what it is doing; the platform's own grace must be longer."""


def worker() -> None:
    """
    Run a worker: one process with ALLIE_XERO_THREADS threads. Scale by starting more of them.

    Ends within 30 seconds of SIGTERM.
    """
    settings = load(os.environ)
    check_start(settings)
    _leave_no_core()
    environment = {
        **os.environ,
        "dramatiq_queue_prefetch": str(settings.threads),
        "dramatiq_delay_queue_prefetch": "100",
    }
    command = [sys.executable, "-m", "dramatiq", "entrypoints.worker", "--processes", "1"]
    command += ["--threads", str(settings.threads), "--worker-shutdown-timeout", str(SHUTDOWN_MS)]
    command += ["--skip-logging"]
    os.execve(sys.executable, command, environment)  # noqa: S606


def dispatcher() -> None:
    """Run a dispatcher: it sends what is due and relays events. Two or more share the work."""
    from entrypoints.dispatcher import main  # noqa: PLC0415 -- only this command needs it
    from entrypoints.metrics import Metrics  # noqa: PLC0415 -- only this command needs it

    settings = load(os.environ, asks_xero=False)
    check_start(settings)
    _leave_no_core()
    metrics = Metrics()
    logs.configure(settings.log_format, "dispatcher", redacted=metrics.redactions)
    main(settings, metrics)


def _leave_no_core() -> None:
    """A crash writes no memory to disk: it may hold an opened token. Children inherit it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it all running, and print where.")] = False,
    rabbitmq: Annotated[bool, typer.Option("--rabbitmq", help="Use a private RabbitMQ node.")] = False,
) -> None:
    """Watch a simulated clinic connect, sync, change and disconnect, on real parts, in under a minute."""
    from entrypoints.demo import main  # noqa: PLC0415 -- only this command needs it

    main(keep=keep, rabbitmq=rabbitmq)
