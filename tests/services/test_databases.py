import psycopg
import pytest

from entrypoints.local.service import Service
from services.databases import libpq_url, new_database


def tables_in(url: str) -> set[str]:
    with psycopg.connect(libpq_url(url)) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'allie_xero'"
        return {str(name) for (name,) in connection.execute(query)}


def test_a_test_gets_a_migrated_database_of_its_own(database_url: str, module_database_url: str) -> None:
    assert database_url != module_database_url
    assert tables_in(database_url) == tables_in(module_database_url) != set()


def test_a_database_is_dropped_even_while_somebody_is_connected(postgres: Service) -> None:
    with new_database(postgres.url) as url:
        connection = psycopg.connect(libpq_url(url))
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(libpq_url(url))
