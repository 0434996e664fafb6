"""Starts the worker as production does, with the module that has no redaction."""

import os

from entrypoints.cli import main as start_command

WHOLE, SABOTAGED = "entrypoints.worker", "security.sabotaged_worker"


def main() -> None:
    """Start it."""
    real = os.execve

    def start(path: str, command: list[str], environment: dict[str, str]) -> None:
        real(path, [SABOTAGED if one == WHOLE else one for one in command], environment)

    os.execve = start  # type: ignore[assignment]
    start_command()


if __name__ == "__main__":
    main()
