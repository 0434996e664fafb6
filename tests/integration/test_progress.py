"""What operators and the main platform are told of how far a clinic's data is, while it is being read."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from deployment.clinic import rows, value
from deployment.service import ServiceInProcess, in_process
from entrypoints.cli import app
from simulator.server import running

STAFF, RUNS = 3, 20


@contextmanager
def first_slice(database_url: str, region: str, **limits: Any) -> Iterator[ServiceInProcess]:
    """A clinic whose history is cut short by the limit of Xero's minute."""
    with running(**limits) as xero, in_process(database_url, xero.url) as service:
        made = xero.control.create_exact_organisation(region=region, staff=STAFF, runs=RUNS)
        service.connect(xero.control, made)
        service.work()
        yield service


def shown(database_url: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "160")
    answer = CliRunner().invoke(app, ["connections", "show", "clinic-1", *more])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.parametrize("region", ["AU", "NZ", "UK"])
def test_how_far_a_backfill_is_and_when_it_ends_is_told_before_it_begins_and_while_it_runs(
    region: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with first_slice(database_url, region, minute_limit=45, day_limit=2_000):
        [(told,)] = rows(
            database_url,
            "SELECT data FROM allie_xero.outbox WHERE type = 'allie.xero.sync-finished.v1'",
        )
        kept = json.loads(shown(database_url, monkeypatch, "--json"))["backfill"]
        screen = shown(database_url, monkeypatch)

    asked = told["backfill_calls_left"]
    assert 0 <= told["backfill_percent"] < 100
    assert asked > RUNS - 5
    assert told["backfill_wire_bytes_left"] > asked * 100
    assert datetime.fromisoformat(told["backfill_ends_at"]) > datetime.now(UTC)
    assert kept["percent"] >= told["backfill_percent"]
    assert kept["calls_left"] <= asked
    assert f"Details: {kept['percent']} % read; {kept['calls_left']} calls left" in screen
    assert re.search(
        r"Calls left, as Xero last said: \d+ of \d+ a minute; 1,\d{3} of [12],\d{3} a day", screen
    )


def test_the_screen_says_how_current_each_stream_is(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with first_slice(database_url, "AU", limits=False):
        newest = value(database_url, "SELECT max(payment_date) FROM allie_xero_read.pay_run")
        screen = shown(database_url, monkeypatch)
    assert f"pay runs to {newest.day} {newest:%b %Y}, checked " in screen
    assert f"payslips to {newest.day} {newest:%b %Y}, checked " in screen
    assert "settings, checked " in screen
    assert "Details: 100 % read" in screen
