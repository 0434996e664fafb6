"""`./run` in a folder of its own, with a stand-in for the environment that it would make in a minute."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from shutil import copy2
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "run"


def load(script: Path) -> ModuleType:
    loader = SourceFileLoader("run_script", str(script))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose path holds a space, with everything `./run` looks at, but unprepared."""
    project = tmp_path / "a project"
    project.mkdir()
    copy2(SCRIPT, project / "run")
    for name in ("requirements.lock", "requirements.build.lock"):
        (project / name).write_text("no-such-package==1 --hash=sha256:00\n")
    (project / "pyproject.toml").write_text("")
    return project


@pytest.fixture
def prepared(project: Path) -> Path:
    """The same, with a `.venv` that is up to date and runs this very Python."""
    program(project / ".venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    run = load(project / "run")
    run.STAMP.write_text(run.fingerprint())
    return project


def run(
    project: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, project / "run", *arguments],
        cwd=cwd or project,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_fits_one_screen_and_names_every_command(project: Path) -> None:
    shown = run(project).stdout
    assert shown == run(project, "help").stdout
    assert len(shown.splitlines()) <= 24
    assert all(len(line) <= 110 for line in shown.splitlines())
    commands = {line.split()[0] for line in shown.splitlines() if line.startswith("  ")}
    assert commands >= {"demo", "test", "lint", "bench", "faults", "soak", "mutants", "lock", "allie-xero"}


def test_an_unknown_command_is_refused(project: Path) -> None:
    done = run(project, "tset")
    assert done.returncode == 1
    assert "there is no command 'tset'" in done.stderr


def test_a_program_gets_its_arguments_in_the_projects_folder_and_gives_its_exit_code(
    prepared: Path, tmp_path: Path
) -> None:
    program(prepared / "tests/mutants.py", "import os, sys\nprint(os.getcwd(), sys.argv[1:])\nsys.exit(7)\n")
    done = run(prepared, "mutants", "--only", "a b", cwd=tmp_path)
    assert done.returncode == 7
    assert done.stdout == f"{prepared} ['--only', 'a b']\n"
    assert done.stderr == ""


def test_the_command_line_runs_where_it_is_called(prepared: Path, tmp_path: Path) -> None:
    program(prepared / ".venv/bin/allie-xero", "import os\nprint(os.getcwd())\n")
    assert run(prepared, "allie-xero", cwd=tmp_path).stdout == f"{tmp_path}\n"


def test_tests_with_arguments_are_pytest_alone_and_what_is_left_out_ends_the_summary(prepared: Path) -> None:
    program(
        prepared / "tests/conftest.py",
        f"import sys\nsys.path.insert(0, {str(SCRIPT.parent / 'tests')!r})\n"
        'pytest_plugins = ["services.left_out"]\n',
    )
    program(
        prepared / "tests/test_it.py",
        "import pytest\ndef test_good(): ...\ndef test_absent(): pytest.skip('no moon')\n",
    )
    done = run(prepared, "test", "tests", CI="")
    assert done.returncode == 0
    assert "── lint" not in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["left", "out", "1", "test:", "no", "moon"]


def test_a_failing_test_fails_the_run_with_its_own_code(prepared: Path) -> None:
    program(prepared / "tests/test_it.py", "def test_bad(): assert not 'good'\n")
    done = run(prepared, "test", "tests")
    assert done.returncode == 1
    assert "FAILED (1)" in done.stdout.splitlines()[-1]


def test_long_suites_are_not_part_of_test(prepared: Path) -> None:
    program(prepared / "tests/faults/test_it.py", "def test_bad(): assert not 'good'\n")
    program(prepared / "tests/soak/test_it.py", "def test_bad(): assert not 'good'\n")
    program(prepared / "tests/unit/test_it.py", "def test_good(): ...\n")
    assert run(prepared, "test", "tests").returncode == 0
    assert run(prepared, "faults").returncode == 1


def test_an_interrupt_ends_the_sequence_quietly(prepared: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program(
        prepared / "tests/test_it.py",
        "import pathlib, time\n"
        f"def test_slow():\n    pathlib.Path({str(started)!r}).touch()\n    time.sleep(60)\n",
    )
    with subprocess.Popen(
        [sys.executable, prepared / "run", "test", "tests"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell ignores it for `&`
        text=True,
    ) as process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        shown, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    assert "── summary" in shown


def test_a_changed_lock_or_a_moved_folder_makes_the_environment_stale(prepared: Path) -> None:
    script = load(prepared / "run")
    assert script.made_from() == script.fingerprint()
    moved = prepared.rename(prepared.with_name("moved"))
    script = load(moved / "run")
    assert script.made_from() != script.fingerprint()
    script.STAMP.write_text(script.fingerprint())
    script.LOCKS[1].write_text("other==2\n")
    assert script.made_from() != script.fingerprint()


def test_an_installation_that_fails_says_what_helps_and_is_not_taken_for_whole(project: Path) -> None:
    done = run(project, "lint", PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert "could not install requirements.build.lock" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert load(project / "run").made_from() is None


def test_too_old_a_python_is_told_which_ones_fit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load(project / "run")
    monkeypatch.setattr(script, "VERSIONS", ["3.99"])
    with pytest.raises(script.Failure, match=r"the project needs .*3\.99"):
        script.interpreter()
