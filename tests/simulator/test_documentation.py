"""What the documentation says of the simulator is all there is, and no less."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from simulator.client import Control, Organisation
from simulator.faults import After, Before, Record
from simulator.payroll.changes.registry import CHANGES
from simulator.payroll.generator import ClinicOptions
from simulator.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text("utf-8")
CODE = set(re.findall(r"`([\w/-]+)`", TEXT))


@pytest.mark.parametrize(
    "names",
    [
        Settings.__struct_fields__,
        ClinicOptions.__struct_fields__,
        tuple(CHANGES),
        tuple(kind for group in (Before, After, Record) for kind in get_args(group)),
    ],
    ids=["settings", "options", "changes", "faults"],
)
def test_every_switch_option_change_and_fault_is_described(names: tuple[str, ...]) -> None:
    assert set(names) - CODE == set()


def test_the_defaults_are_the_ones_described() -> None:
    for name, value in msgspec.to_builtins(Settings()).items():
        row = next((line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")), None)
        if row is not None and isinstance(value, bool):
            assert row.split("|")[2].strip() == str(value).lower()


def names_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set()


def test_every_field_of_the_truth_is_described(control: Control, clinic: Organisation) -> None:
    truth = control.truth(clinic.tenant_id)
    assert names_in(truth) - set(re.findall(r"\w+", TEXT)) == set()
