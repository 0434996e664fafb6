"""T8: what decides about tokens asks the database for the time, and no clock of its own process."""

import ast
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
DECIDING = [
    *(SOURCES / "domain").rglob("*.py"),
    *(SOURCES / "adapters" / "postgres").glob("cred*.py"),
    SOURCES / "adapters" / "postgres" / "sealing.py",
    SOURCES / "adapters" / "postgres" / "work.py",
]
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}


def clocks_read(path: Path) -> list[str]:
    """Calls such as `datetime.now()` or `time.monotonic()`; `stores.now` is an attribute and no call."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    words = (ast.unparse(function).split(".") for function in calls)
    return [".".join(one) for one in words if one[0] in ("datetime", "date", "time") and one[-1] in CLOCKS]


def test_no_module_that_decides_about_tokens_reads_a_clock() -> None:
    assert len(DECIDING) > 40
    assert {path.name: read for path in DECIDING if (read := clocks_read(path))} == {}
