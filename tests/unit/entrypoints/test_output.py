"""What commands print can be copied, and read by programs."""

import pytest

from entrypoints.cli.output import console, table

LONG = "not_json:queue:allie-xero.control"


def test_a_line_is_never_cut_or_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    console.print(table("Failures by cause", ("fingerprint", "where", "why"), [[LONG, LONG, LONG]]))
    assert capsys.readouterr().out.splitlines()[-1].split() == [LONG] * 3
