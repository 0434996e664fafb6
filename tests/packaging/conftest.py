"""The checkers that come with the development tools, called as a person would call them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def check(root: Path) -> Check:
    """Run a tool of this environment in the project's folder, with no setting of the developer's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XERO_", "COMPOSE_"))}

    def run(tool: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name(tool), *arguments],
            cwd=root,
            env=kept | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def services(check: Check) -> dict[str, Any]:
    """The services of docker-compose.yml, as Docker Compose understands them."""
    done = check("docker-compose", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found
