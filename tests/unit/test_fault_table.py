"""docs/faults.md names no test that there is not, and every check; `tests/faults` sees that it is whole."""

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
