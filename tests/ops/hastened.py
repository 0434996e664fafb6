"""Rules whose hours pass in seconds, so that a test can wait for the alerts."""

import re
from pathlib import Path
from typing import Any

import yaml

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
SPAN = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])")
BACK = re.compile(r"(?<=offset )(\d+)([smhd])")
SHORTEST_WINDOW_S = 15
"""A window must hold a few scrapes, and a reading of the gauges, which is every ten seconds."""


def hastened(rules: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    """The alerts of these names, with windows and waits a few hundred times shorter."""
    return [
        {**rule, "expr": BACK.sub(_shorter, SPAN.sub(_shorter, rule["expr"])), "for": _wait(rule)}
        for rule in rules
        if rule.get("alert") in names
    ]


def write(rules: list[dict[str, Any]], path: Path) -> Path:
    """As a file that Prometheus reads."""
    path.write_text(yaml.safe_dump({"groups": [{"name": "hastened", "rules": rules}]}))
    return path


def seconds(span: str) -> int:
    """How long `10m` is."""
    return int(span[:-1]) * SECONDS[span[-1]]


def _wait(rule: dict[str, Any]) -> str:
    return f"{-(-seconds(rule.get('for', '0s')) // 600)}s"


def _shorter(found: "re.Match[str]") -> str:
    return f"{max(SHORTEST_WINDOW_S, seconds(found[0]) // 600)}s"
