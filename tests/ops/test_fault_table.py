"""The documentation's table of faults is the one whose every row `tests/faults/test_told.py` makes happen."""

from typing import Any

from ops.fault_table import PAGE, table, written


def test_the_table_is_current(alerts: dict[str, dict[str, Any]]) -> None:
    page = PAGE.read_text()
    assert page == written(page, table(alerts)), "put this in its place:\n" + table(alerts)


def test_every_fault_has_an_alert_that_names_a_runbook(alerts: dict[str, dict[str, Any]]) -> None:
    for line in table(alerts).splitlines()[2:]:
        assert "](../ops/runbooks/" in line
