import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Check = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = {
    match["name"]: match["body"]
    for match in re.finditer(
        r"^FROM \S+ AS (?P<name>\S+)\n(?P<body>(?:(?!^FROM ).*\n)*)", DOCKERFILE, re.MULTILINE
    )
}


def test_hadolint_finds_nothing(check: Check) -> None:
    done = check("hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_default_stage_is_the_service() -> None:
    assert list(STAGES) == ["build", "build-simulator", "base", "simulator", "service"]


def test_both_images_run_as_a_numbered_ordinary_user_without_a_shell_around_them() -> None:
    """A number, since Kubernetes' `runAsNonRoot` cannot judge a name."""
    assert re.search(r"^USER 10001:10001$", STAGES["base"], re.MULTILINE)
    for stage in ("simulator", "service"):
        assert "USER" not in STAGES[stage]
        for instruction in re.findall(r"^(?:ENTRYPOINT|CMD|\s+CMD) (.*)", STAGES[stage], re.MULTILINE):
            assert instruction.startswith('["')


@pytest.mark.parametrize("stage", ["simulator", "service"])
def test_an_image_checks_its_own_health_and_says_what_it_is(stage: str) -> None:
    assert "HEALTHCHECK" in STAGES[stage]
    assert "org.opencontainers.image.title" in STAGES[stage]


@pytest.mark.parametrize("stage", ["simulator", "service"])
def test_a_health_check_is_a_program_that_python_can_compile(stage: str) -> None:
    program = re.search(r'CMD \["python", "-Ic", "(.*)"\]', STAGES[stage])
    assert program is not None
    compile(program[1], "healthcheck", "exec")


def test_packages_come_from_the_hashed_locks_alone() -> None:
    for command in re.findall(r"pip --python \S+ install(.*?)(?:\n(?! )|$| && )", DOCKERFILE, re.DOTALL):
        assert "--require-hashes" in command or "--no-index" in command
        assert "--no-deps" in command


def test_no_secret_and_nothing_unneeded_is_sent_to_the_engine() -> None:
    assert not re.search(r"(?i)(secret|password|token|_key)\S*=", DOCKERFILE)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert allowed[1] == "*"
    assert [line for line in allowed if line.startswith("!")] == [
        "!pyproject.toml",
        "!README.md",
        "!requirements.*.lock",
        "!src",
    ]


def test_the_installed_project_holds_every_file_of_the_source(tmp_path: Path) -> None:
    copied = tmp_path / "src"
    shutil.copytree(ROOT / "src", copied, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", ".*"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").touch()
    source = {str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file()}
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert source - set(zipfile.ZipFile(wheel).namelist()) == set()
