"""T8: what decides about tokens asks the database for the time, and no clock of its own process."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from domain.model.tokens import REFRESH_MARGIN
from tokens.fleet import A_MINUTE, Fleet
from tokens.skewed import skewed_worker

SOURCES = Path(__file__).parents[2] / "src"
DECIDING = [
    *(SOURCES / "domain").rglob("*.py"),
    *(SOURCES / "adapters" / "postgres").glob("cred*.py"),
    SOURCES / "adapters" / "postgres" / "sealing.py",
    SOURCES / "adapters" / "postgres" / "work.py",
]
LIFE = timedelta(minutes=30)
"""Of an access token: https://developer.xero.com/documentation/guides/oauth2/token-types"""

AN_HOUR = timedelta(hours=1)
A_MOMENT = timedelta(seconds=30)

CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}


def clocks_read(path: Path) -> list[str]:
    """Calls such as `datetime.now()` or `time.monotonic()`; `stores.now` is an attribute and no call."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    words = (ast.unparse(function).split(".") for function in calls)
    return [".".join(one) for one in words if one[0] in ("datetime", "date", "time") and one[-1] in CLOCKS]


def test_no_module_that_decides_about_tokens_reads_a_clock() -> None:
    assert len(DECIDING) > 40
    assert {path.name: read for path in DECIDING if (read := clocks_read(path))} == {}


@pytest.mark.parametrize("wrong", [AN_HOUR, -AN_HOUR], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_wrong_refreshes_neither_a_minute_early_nor_late(
    clinics: Fleet, tmp_path: Path, wrong: timedelta
) -> None:
    clinics.connect("clinic-1")
    [(clinic_id, credential_id)] = clinics.credentials()
    with skewed_worker(clinics.environment, tmp_path) as worker:
        for jump, clock in enumerate([wrong, -wrong]):
            worker.set_clock(clock)
            assert abs(worker.is_off_by() - clock) < A_MOMENT
            assert worker.use(clinic_id, credential_id) == "fresh"
            clinics.pass_time(LIFE - REFRESH_MARGIN - A_MINUTE)
            assert worker.use(clinic_id, credential_id) == "fresh"
            assert clinics.presentations() == jump
            clinics.pass_time(2 * A_MINUTE)
            assert worker.use(clinic_id, credential_id) == "refreshed"
    assert clinics.presentations() == 2
    assert clinics.statuses() == {"clinic-1": "active"}
