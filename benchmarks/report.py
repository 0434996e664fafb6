"""A benchmark's result: a table for people, JSON for programs."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that must hold, and what was measured."""

    what: str
    measured: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        word, sign = ("holds", "≥" if self.at_least else "≤") if self.holds else ("MISSED", "not")
        if not self.holds:
            sign += " ≥" if self.at_least else " ≤"
        return f"{word}: {self.what}: {number(self.measured)} {sign} {number(self.limit)}"


@dataclass(slots=True)
class Result:
    """One benchmark's rows; `notes` say how they were taken."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[list[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    is_quick: bool = False

    def show(self) -> str:
        """The table as text, in Markdown."""
        cells = [list(self.columns), *[[number(cell) for cell in row] for row in self.rows]]
        widths = [max(len(row[at]) for row in cells) for at in range(len(self.columns))]
        lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
        lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
        # What a short run measures is no verdict: it shows that the benchmark works.
        claims = [] if self.is_quick else [f"* {claim}" for claim in self.claims]
        notes = [f"* {note}" for note in self.notes]
        return "\n".join([f"\n## {self.name}: {self.title}\n", *lines, "", *claims, *notes])

    def write(self, folder: Path) -> None:
        """Keep it as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        claims = [{**asdict(claim), "holds": claim.holds} for claim in self.claims]
        document = {**asdict(self), "claims": claims, "machine": machine()}
        text = json.dumps(document, indent=1, default=str, ensure_ascii=False)
        (folder / f"{self.name}.json").write_text(text + "\n")


def number(value: object) -> str:
    """A number as a person would write it."""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def machine() -> dict[str, Any]:
    """Where and when it was measured."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
