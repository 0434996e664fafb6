"""docs/data-model.md describes the views as they are, names fields that are read, and its queries run."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import CursorResult, Engine, RowMapping, create_engine, text

from adapters.xero.regions import accounting
from adapters.xero.regions.au import structs as au
from adapters.xero.regions.newer import structs as newer
from deployment.clinic import rows
from deployment.service import in_process
from simulator.server import running

TEXT = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text("utf-8")
SECTIONS = {
    name: body.split("\n#")[0]
    for name, body in re.findall(r"^### `(\w+)`\n(.*?)(?=^##? |^### |\Z)", TEXT, re.MULTILINE | re.DOTALL)
}
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
EVERYWHERE = {"clinic_id", "connection_id", "changed_at"}
REGIONS = ("AU", "NZ", "UK")
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'allie_xero_read'
"""


def described(view: str) -> list[list[str]]:
    """The cells of each row of a view's table."""
    rows = [line for line in SECTIONS[view].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def fields_of(*modules: Any) -> set[str]:
    structs = [one for module in modules for one in vars(module).values() if isinstance(one, type)]
    return {field for one in structs if issubclass(one, msgspec.Struct) for field in one.__struct_fields__}


def test_every_column_of_every_view_is_described_and_no_other(database_url: str) -> None:
    actual: dict[str, set[str]] = {}
    for view, column in rows(database_url, COLUMNS):
        actual.setdefault(view, set()).add(column)
    told = {view: {row[0].strip("`") for row in described(view)} for view in SECTIONS}
    assert told == {view: columns - EVERYWHERE for view, columns in actual.items()}
    assert {view for view in SECTIONS if "no `changed_at`" in SECTIONS[view]} == {
        view for view, columns in actual.items() if "changed_at" not in columns
    }


def test_every_column_has_a_unit_and_its_source_in_each_country() -> None:
    for view in SECTIONS:
        for row in described(view):
            assert len(row) == 5, (view, row)
            assert all(row[2:]), (view, row)


@pytest.mark.parametrize(
    ("column", "modules"), [(3, (au, accounting)), (4, (newer, accounting))], ids=["AU", "newer"]
)
def test_the_sources_are_fields_that_are_read(column: int, modules: tuple[Any, ...]) -> None:
    named = {
        name
        for view in SECTIONS
        for row in described(view)
        if "token claim" not in row[column]
        for name in re.findall(r"`(\w+)`", row[column])
    }
    assert named - fields_of(*modules) == set()


@pytest.fixture(scope="module")
def synced(module_database_url: str) -> Iterator[Engine]:
    """A database with a clinic of each country in it."""
    with running(limits=False) as xero, in_process(module_database_url, xero.url) as service:
        for region in REGIONS:
            service.clinic = region
            made = xero.control.create_organisation(region=region, staff=5, runs=4, timesheets="all")
            service.connect(xero.control, made)
            service.work()
            xero.control.change(made.tenant_id, "edit_posted_payslip")
            service.publish("sync-requested", mode="full")
            service.work()
    engine = create_engine(module_database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_the_queries_find_something_in_every_country(query: str, synced: Engine) -> None:
    found: list[RowMapping] = []
    with synced.connect() as session:
        for region in REGIONS:
            rows = session.execute(text(query), {"clinic_id": region}).mappings().all()
            assert rows, region
            found += rows
    empty = {column for column in found[0] if all(row[column] is None for row in found)}
    assert empty <= {"fault"}


@pytest.mark.parametrize("region", REGIONS)
def test_the_cost_of_a_run_is_its_payslips_lines(region: str, synced: Engine) -> None:
    """`cost` against the lines, summed independently of the view."""
    by_lines = """
    SELECT s.pay_run_id, sum(l.amount) AS total FROM allie_xero.pay_line l
      JOIN allie_xero.payslip s ON s.connection_id = l.connection_id AND s.id = l.payslip_id
     WHERE l.clinic_id = :clinic_id AND l.deleted_at IS NULL
       AND (l.kind IN ('earnings', 'leave_earnings', 'timesheet_earnings', 'employer_tax')
            OR (l.kind = 'employer_pension'
                AND coalesce(l.line_type, '') NOT IN ('salarysacrifice', 'employee')))
     GROUP BY s.pay_run_id
    """
    by_view = """
    SELECT pay_run_id, sum(cost) AS total FROM allie_xero_read.payslip_cost
     WHERE clinic_id = :clinic_id AND NOT is_provisional GROUP BY pay_run_id
    """
    with synced.connect() as session:
        lines = _pairs(session.execute(text(by_lines), {"clinic_id": region}))
        view = _pairs(session.execute(text(by_view), {"clinic_id": region}))
    assert lines
    assert view == lines


def _pairs(found: CursorResult[Any]) -> dict[str, Decimal]:
    return {row["pay_run_id"]: row["total"] for row in found.mappings()}
