"""docs/faults.md has a row for every test of this suite."""

from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "faults.md"


def test_every_file_of_this_suite_is_in_the_table() -> None:
    table = TABLE.read_text()
    files = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert {name for name in files if f"tests/faults/{name}::" not in table} == set()
