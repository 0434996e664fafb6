"""Prometheus and what of `ops/` several tests look at."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.local.prometheus import Binaries, find_binaries
from services.needs import leave_out

ROOT = Path(__file__).parents[2]
NO_PROMETHEUS = "no Prometheus: install the package prometheus, or let apt-get download it (apt-get update)"


@pytest.fixture(scope="session")
def prometheus_binaries() -> Binaries:
    """Prometheus and promtool: the machine's own, or Debian's package in a folder of the project."""
    found = find_binaries(ROOT / ".state" / "prometheus")
    if found is None:
        leave_out(NO_PROMETHEUS)
    return found


@pytest.fixture(scope="session")
def rule_files() -> list[Path]:
    """Every file of rules."""
    return sorted((ROOT / "ops" / "prometheus" / "rules").glob("*.yml"))


@pytest.fixture(scope="session")
def rules(rule_files: list[Path]) -> list[dict[str, Any]]:
    """Every rule."""
    groups = [group for path in rule_files for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="session")
def alerts(rules: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    found = [rule for rule in rules if "alert" in rule]
    assert len({rule["alert"] for rule in found}) == len(found)
    return {rule["alert"]: rule for rule in found}
