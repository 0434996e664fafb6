"""Logins of one's own on a PostgreSQL server, each with one of the service's roles."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from services.databases import libpq_url


@contextmanager
def new_login(database_url: str, *roles: str, also: str = "") -> Iterator[str]:
    """Make a login that is a member of `allie_xero_<role>` for each role, give its URL, and drop it."""
    name, password = f"test_{secrets.token_hex(6)}", secrets.token_urlsafe(12)
    members = sql.SQL(", ").join(sql.Identifier(f"allie_xero_{one}") for one in roles)
    make = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {} {} {}").format(
        sql.Identifier(name),
        sql.SQL(also),
        sql.Literal(password),
        sql.SQL("IN ROLE" if roles else ""),
        members,
    )
    with psycopg.connect(libpq_url(database_url), autocommit=True) as administrator:
        administrator.execute(make)
        try:
            yield _as(database_url, name, password)
        finally:
            administrator.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def _as(url: str, name: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}").geturl()
