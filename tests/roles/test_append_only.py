"""Rows that are only ever added, and the one way to let go of old ones."""

import re
from pathlib import Path

import psycopg
import pytest

from roles.conftest import Acting, Connection
from services.databases import libpq_url
from services.logins import new_login

DOCUMENT = Path(__file__).parents[2] / "docs" / "database-roles.md"
[LETTING_GO] = re.findall(r"```sql\n(BEGIN;\nSET LOCAL ROLE.*?)```", DOCUMENT.read_text(), re.DOTALL)
REFUSED = "42501"
AUDITED = (
    "SELECT count(*), count(*) FILTER (WHERE at < now() - interval '1 year') FROM allie_xero.credential_audit"
)


@pytest.mark.parametrize("table", ["credential_audit", "certificate", "replay_audit"])
def test_not_even_an_administrator_changes_them_by_accident(administrator: Connection, table: str) -> None:
    with administrator.transaction(force_rollback=True):
        actor = Acting(administrator)
        for statement in (
            "UPDATE allie_xero.{} SET id = DEFAULT",
            "DELETE FROM allie_xero.{}",
            "TRUNCATE allie_xero.{}",
        ):
            assert actor.try_(statement.format(table)) == REFUSED, statement


def test_who_migrates_lets_old_rows_of_the_audit_go_as_the_document_says(
    administrator: Connection, module_database_url: str
) -> None:
    administrator.execute(
        "INSERT INTO allie_xero.credential_audit (at, clinic_id, credential_id, version, action)"
        " VALUES (now() - interval '2 years', 'clinic-1', 1, 1, 'opened')"
    )
    before, old = administrator.execute(AUDITED.encode()).fetchall()[0]
    assert old == 1
    with (
        new_login(module_database_url, "migrator") as login,
        psycopg.connect(libpq_url(login), autocommit=True) as migrator,
    ):
        migrator.execute(LETTING_GO.encode())
    assert administrator.execute(AUDITED.encode()).fetchall() == [(before - 1, 0)]
    assert Acting(administrator).try_("DELETE FROM allie_xero.credential_audit") == REFUSED
    guarded = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'allie_xero.credential_audit'::regclass"
    assert administrator.execute(guarded.encode()).fetchall() == [(True,)]
