"""Databases of one's own on a PostgreSQL server, made from a migrated template and dropped after use."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


@contextmanager
def new_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Make a database, give its URL, and drop it with every connection to it."""
    name = f"allie_xero_test_{secrets.token_hex(6)}"
    _execute(server_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(server_url, "DROP DATABASE {} WITH (FORCE)", name)


def database_in(url: str) -> str:
    """Return the name of the database that a URL points to."""
    return urlsplit(url).path.removeprefix("/")


def libpq_url(url: str) -> str:
    """Return SQLAlchemy's URL in the form that psycopg and psql take."""
    return urlsplit(url)._replace(scheme="postgresql").geturl()


def _execute(server_url: str, statement: str, *names: str) -> None:
    identifiers = [sql.Identifier(name) for name in names]
    with psycopg.connect(libpq_url(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*identifiers))
