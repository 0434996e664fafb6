"""docs/faults.md names every test of the fault suite, and no test that there is not."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "faults.md"
ROW = re.compile(r"^\| (?P<check>\S+) \| .* \| `(?P<file>tests/[^`:]+)::(?P<test>\w+)` \|$", re.MULTILINE)
CHECKS = {*range(26, 35), 40, 47, 48, 50}
ROWS = [match.groupdict() for match in ROW.finditer(TABLE.read_text())]


def functions_in(path: Path) -> set[str]:
    functions = (one for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef))
    return {one.name for one in functions if one.name.startswith("test_")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["test"])
def test_every_test_in_the_table_exists(row: dict[str, str]) -> None:
    assert row["test"] in functions_in(ROOT / row["file"])


def test_every_check_has_a_row() -> None:
    assert {int(row["check"]) for row in ROWS if row["check"].isdigit()} == CHECKS


def test_every_test_of_the_fault_suite_is_in_the_table() -> None:
    written = {name for path in (ROOT / "tests" / "faults").glob("test_*.py") for name in functions_in(path)}
    assert written
    assert written <= {row["test"] for row in ROWS}
