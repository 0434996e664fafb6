"""The simulator against Xero's published descriptions, and the checker against the simulator."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from simulator.cli import app
from simulator.conformance import APIS, Verdict, check_folder

FOLDER = os.environ.get("XERO_OPENAPI_DIR")

SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Accounts": {
            "type": "array",
            "items": {"type": "object", "properties": {"AccountID": {}, "Type": {}}},
        },
        "TrackingCategories": {},
        "DaysInPayrollYear": {"type": "integer"},
        "EmployeesAreSTP2": {"type": "string"},
    },
}


@pytest.mark.skipif(
    FOLDER is None,
    reason="NOT CHECKED: set XERO_OPENAPI_DIR to a folder with Xero's description files",
)
def test_every_reply_fits_xeros_descriptions() -> None:
    assert FOLDER is not None, "XERO_OPENAPI_DIR is not set"
    verdicts = check_folder(Path(FOLDER))
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    payroll = [verdict for verdict in verdicts if "payroll" in verdict.api]
    assert sum(verdict.replies for verdict in payroll) > 500
    assert [verdict.path for verdict in payroll if verdict.not_served] == [
        "/StatutoryLeaves/Sick/{StatutorySickLeaveID}"
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Descriptions of little: one path that is served and described wrongly, and one that is unknown."""
    for api in APIS:
        (tmp_path / api.file).write_text(yaml.safe_dump({"paths": {}, "components": {"schemas": {}}}))

    def reply(schema: dict[str, Any]) -> dict[str, Any]:
        content = {"application/json": {"schema": schema}}
        return {"get": {"responses": {"200": {"content": content}}}}

    description = {
        "paths": {
            "/Settings": reply({"type": "object", "properties": {"Settings": SETTINGS}}),
            "/Unheard": reply({"type": "object"}),
            "/Unheard/{OfID}": reply({"type": "object"}),
        },
        "components": {"schemas": {}},
    }
    (tmp_path / "xero-payroll-au.yaml").write_text(yaml.safe_dump(description))
    return tmp_path


def test_the_checker_finds_wrong_types_undescribed_fields_and_missing_paths(folder: Path) -> None:
    verdicts = {verdict.path: verdict for verdict in check_folder(folder)}
    settings = verdicts["/Settings"]
    found = "\n".join(settings.violations)
    assert "Settings/EmployeesAreSTP2: True is not of type 'string'" in found
    assert "Settings/Accounts/*/Code: not in the description" in found
    assert "DaysInPayrollYear" not in found  # a known contradiction
    assert settings.excuses == {"integer in the schema, text in the example"}
    assert verdicts["/Unheard"].violations == ["/Unheard: status 404"]
    assert verdicts["/Unheard/{OfID}"].violations == ["no id was met to ask for"]
    assert not any(verdict.passed for verdict in verdicts.values())


def test_the_command_prints_every_path_and_fails(folder: Path) -> None:
    result = CliRunner().invoke(app, ["conformance", str(folder)])
    assert result.exit_code == 1
    assert "WRONG xero-payroll-au.yaml    /Settings" in result.output
    assert "3 paths: 1 validated, 2 not served, 3 wrong" in result.output


def test_the_command_names_the_files_that_are_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["conformance", str(tmp_path)])
    assert result.exit_code == 2
    assert "xero-payroll-nz.yaml" in result.output


def test_a_path_that_is_not_asked_for_has_not_passed() -> None:
    assert not Verdict("file", "/path").passed
    assert Verdict("file", "/path", replies=1).passed
    assert Verdict("file", "/path", not_served="for a reason").passed
    assert not Verdict("file", "/path", replies=1, violations=["wrong"]).passed
