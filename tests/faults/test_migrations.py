"""The next version's migration on a large table in use: nobody waits for long, both versions work."""

import os
import time
from pathlib import Path
from threading import Event, Thread
from typing import Self

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.postgres import migrate as migration
from deployment.clinic import CLINIC, connect, is_backfilled, value
from deployment.platform import Platform
from deployment.processes import Deployment, until
from deployment.truth import NIGHTLY, differences
from entrypoints.local.postgres import PrivatePostgres
from services.databases import libpq_url
from simulator.server import Running

ROWS = int(os.environ.get("MIGRATION_ROWS", "200000"))
DAILY = ("pay_calendar",)
"""What a sync of changes looks at once a day."""

LOCKED_S = 5.0
LONGEST_WAIT_S = 2.0

VERSION = "SELECT max(version_num) FROM allie_xero.alembic_version"

FILL = """
SET session_replication_role = replica;
CREATE TABLE allie_xero.template AS SELECT * FROM allie_xero.pay_line LIMIT 1;
INSERT INTO allie_xero.pay_line
SELECT (jsonb_populate_record(t, jsonb_build_object('connection_id', 1000000 + n))).*
  FROM allie_xero.template t, generate_series(1, {rows}) n;
DROP TABLE allie_xero.template;
"""

NEXT = '''
"""What a next version might do."""

from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("ALTER TABLE allie_xero.pay_line ADD COLUMN next_versions TEXT DEFAULT 'unknown' NOT NULL")
    op.execute("CREATE TABLE allie_xero.next_versions (id BIGINT PRIMARY KEY)")
'''


@pytest.fixture
def _next_version(own_postgres: PrivatePostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, the database being what it is, the code brings one migration more."""
    assert value(own_postgres.url, VERSION) != "9999"
    present = migration._config
    head = ScriptDirectory.from_config(present()).get_current_head()
    (tmp_path / "9999_next.py").write_text(NEXT.format(head=head))

    def config() -> Config:
        found = present()
        where = Path(migration.__file__).parent / "migrations" / "versions"
        found.set_main_option("version_locations", f"{where} {tmp_path}")
        found.set_main_option("path_separator", "space")
        return found

    monkeypatch.setattr(migration, "_config", config)


class Writer:
    """Somebody who writes all the time, and how long it had to wait at most."""

    def __init__(self, url: str) -> None:
        self.longest = 0.0
        self._url = libpq_url(url)
        self._stop = Event()
        self._thread = Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(0.02):
                began = time.monotonic()
                changed = connection.execute(
                    "UPDATE allie_xero.pay_line SET clinic_id = 'x' WHERE connection_id = 1000001"
                )
                assert changed.rowcount == 1
                self.longest = max(self.longest, time.monotonic() - began)


def hold_a_lock(url: str) -> None:
    """A report that reads the table in one long transaction."""
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("SELECT 1 FROM allie_xero.pay_line LIMIT 1")
        time.sleep(LOCKED_S)


@pytest.mark.usefixtures("_next_version")
def test_a_migration_under_load_makes_nobody_wait_and_old_workers_go_on(
    service: Deployment,
    main_platform: Platform,
    xero: Running,
    own_postgres: PrivatePostgres,
) -> None:
    organisation = xero.control.create_exact_organisation(staff=3, runs=3)
    service.start_dispatcher()
    service.start_worker()
    connect(xero.control, main_platform, organisation)
    until(lambda: is_backfilled(main_platform), "the backfill")
    with psycopg.connect(libpq_url(own_postgres.url), autocommit=True) as connection:
        connection.execute(FILL.format(rows=ROWS).encode())

    report = Thread(target=hold_a_lock, args=(own_postgres.url,))
    with Writer(own_postgres.url) as writer:
        report.start()
        time.sleep(0.5)
        migration.migrate(own_postgres.url)
        time.sleep(0.5)
    report.join()
    assert value(own_postgres.url, VERSION) == "9999"
    assert writer.longest < LONGEST_WAIT_S

    xero.control.change(organisation.tenant_id, "new_posted_run")
    main_platform.publish("sync-requested", {"clinic_id": CLINIC, "requested_by": "after"})
    until(lambda: main_platform.events("sync-finished", requested_by="after"), "a sync of the old version")
    truth = xero.control.truth(organisation.tenant_id)
    assert differences(truth, own_postgres.url, CLINIC, but=DAILY + NIGHTLY) == []
    assert not service.problems("worker")
