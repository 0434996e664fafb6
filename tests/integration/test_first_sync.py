"""After a first sync the database equals the source, to the cent, and holds nothing that it should not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deployment.clinic import rows
from deployment.service import ServiceInProcess, in_process
from deployment.truth import differences
from simulator.server import Running, running

SIZES: list[dict[str, Any]] = [
    {"staff": 5, "runs": 9, "seed": 11},
    {"staff": 14, "runs": 6, "seed": 108, "calendars": ["weekly", "monthly"]},
    {"staff": 9, "years": 1, "seed": 13, "unscheduled": 2},
    {"region": "NZ", "staff": 7, "runs": 8, "seed": 14},
    {
        "region": "NZ",
        "staff": 13,
        "runs": 5,
        "seed": 15,
        "calendars": ["weekly", "monthly"],
        "timesheets": "all",
    },
    {"region": "UK", "staff": 6, "runs": 8, "seed": 16, "unscheduled": 1},
    {
        "region": "UK",
        "staff": 12,
        "runs": 5,
        "seed": 17,
        "calendars": ["monthly", "weekly"],
        "timesheets": "all",
    },
]


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


@pytest.fixture
def service(database_url: str, xero: Running) -> Iterator[ServiceInProcess]:
    with in_process(database_url, xero.url) as service:
        yield service


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.get('region', 'AU')} {size['seed']}")
def test_the_database_equals_the_source_and_holds_nothing_private(
    size: dict[str, Any], service: ServiceInProcess, xero: Running, database_url: str
) -> None:
    organisation = xero.control.create_organisation(**size)
    service.connect(xero.control, organisation)
    service.work()

    truth = xero.control.truth(organisation.tenant_id)
    assert differences(truth, database_url, service.clinic) == []
    private = set(_leaves(truth["private"]))
    assert len(private) > 50
    dump = json.dumps(everything(database_url), default=str)
    assert [value for value in private if value in dump] == []


def _leaves(value: Any) -> Iterator[str]:
    """Every private text that could be recognised; a country or a state could not."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("employee_id", "country", "region", "city", "name", "postal_code"):
                yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str) and len(value) > 5:
        yield value


def everything(database_url: str) -> list[Any]:
    """Every row of every table, as text."""
    tables = rows(
        database_url,
        "SELECT format('%%I.%%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema = 'allie_xero' AND table_type = 'BASE TABLE'",
    )
    return [rows(database_url, f"SELECT CAST(t AS text) FROM {name} t") for (name,) in tables]
