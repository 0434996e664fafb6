"""
The worker as it is, and a middleware that kills its process for events whose `requested_by` says so.

`kill-at-start` kills whenever it is started. `kill-once-after-commit` kills when its work has been
committed and not yet acknowledged, the first time only.
"""

import os
import signal
from pathlib import Path
from typing import Any

from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware

from entrypoints.cli import main as start_command

AT_START, AFTER_COMMIT = "kill-at-start", "kill-once-after-commit"
MARK = "killed"
IMMORTAL, MORTAL = "entrypoints.worker", "deployment.mortal_worker"


class Mortal(Middleware):
    """Dies as a machine does: at once."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:  # noqa: ARG002
        if _wish(message) == AT_START:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_process_message(
        self,
        broker: Broker,  # noqa: ARG002
        message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        if _wish(message) == AFTER_COMMIT and exception is None:
            mark = Path(os.environ["ALLIE_XERO_KEYRING_FILE"]).with_name(MARK)
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)


def _wish(message: MessageProxy) -> str | None:
    wish = message.kwargs.get("event", {}).get("data", {}).get("requested_by")
    return wish if isinstance(wish, str) else None


def main() -> None:
    """Start the worker as production does, with the module that has the middleware."""
    real = os.execve

    def start(path: str, command: list[str], environment: dict[str, str]) -> None:
        real(path, [MORTAL if one == IMMORTAL else one for one in command], environment)

    os.execve = start  # type: ignore[assignment]
    start_command()


if __name__ == "__main__":
    main()
