"""Killed at one statement after the other, a sync ends with the very rows of one that nobody disturbed."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

import pytest

from deployment.clinic import rows
from deployment.killing import Killed, killed_after
from deployment.passing import Passing
from deployment.service import ServiceInProcess, in_process
from entrypoints.local.service import Service
from services.databases import new_database
from simulator.client import Organisation
from simulator.server import Running, running

PAYROLL = """
SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY column_name)
  FROM information_schema.columns
 WHERE table_schema = 'allie_xero' AND NOT starts_with(data_type, 'timestamp')
   AND table_name IN (SELECT table_name FROM information_schema.columns
                       WHERE table_schema = 'allie_xero' AND column_name = 'first_seen_at')
 GROUP BY table_name ORDER BY table_name
"""
"""The payroll's tables, and their columns but for instants, which tell when and not what."""


@pytest.fixture(scope="module")
def xero() -> Iterator[Running]:
    with running(limits=False) as simulator:
        yield simulator


def hash_of(database_url: str) -> str:
    """Of every row of every payroll table."""
    found = [
        (name, sorted(rows(database_url, f"SELECT CAST(({columns}) AS text) FROM allie_xero.{name}")))
        for name, columns in rows(database_url, PAYROLL)
    ]
    assert sum(bool(held) for _, held in found) >= 10
    return sha256(repr(found).encode()).hexdigest()


def crashed(service: ServiceInProcess, time: Passing, first: int, step: int) -> int:
    """Work, killed after `first` statements, then a few more each time, until it gets through; how often."""
    for kills in range(200):
        try:
            with killed_after(first + kills * step):
                service.work()
        except Killed:
            time.pass_time((time.wait() or timedelta()) + timedelta(seconds=1))
        else:
            return kills
    raise AssertionError("it never gets through")


def synced(database_url: str, xero: Running, made: Organisation, first: int | None = None) -> str:
    """Sync a clinic; the hash of all that is held of it then."""
    time = Passing(database_url, xero.control)
    with in_process(database_url, xero.url) as service:
        service.connect(xero.control, made)
        if first is not None:
            assert crashed(service, time, first, step=12) > 5
        time.settle(service)
    return hash_of(database_url)


@pytest.mark.parametrize("region", ["AU", "NZ", "UK"])
def test_killed_anywhere_a_sync_ends_with_the_rows_of_a_clean_one(
    region: str, xero: Running, postgres: Service, migrated_template: str
) -> None:
    made = xero.control.create_organisation(region=region, staff=3, runs=3, timesheets="all")
    hashes = []
    for first in (None, 0):
        with new_database(postgres.url, migrated_template) as url:
            hashes.append(synced(url, xero, made, first))
    assert len(set(hashes)) == 1
