import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest
from services.needs import leave_out

@pytest.fixture(scope="session")
def broker():
    leave_out("no RabbitMQ: here is how to get it")

def test_one(broker): ...
def test_two(broker): ...
def test_three(): ...
"""


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text('pytest_plugins = ["services.left_out"]\n')
    (folder / "test_some.py").write_text(TESTS)
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    paths = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=kept | paths | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_left_out_is_said_last_with_the_way_to_get_it(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "2 tests: no RabbitMQ: here is how to get it"
    assert "LEFT OUT" in done.stdout.splitlines()[-2]


def test_it_is_also_written_down_when_asked(tmp_path: Path) -> None:
    report = tmp_path / "left-out.txt"
    run(tmp_path, LEFT_OUT_REPORT=str(report))
    assert report.read_text() == "2 tests: no RabbitMQ: here is how to get it\n"


def test_in_continuous_integration_a_missing_service_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "2 errors" in done.stdout
    assert "LEFT OUT" not in done.stdout
