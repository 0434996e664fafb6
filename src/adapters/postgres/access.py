"""
Who may do what in the database: the roles, and what each is granted.

`migrations/sql/roles.sql` and `access.sql` say it; here is when they run. docs/database-roles.md explains it.
"""

from hashlib import sha256

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, text

from adapters.postgres.migrations.statements import execute, statements

OWNER = "allie_xero_owner"

BACKEND = text("SELECT pg_backend_pid()")

IS_PREPARED = text(f"""
SELECT to_regrole('{OWNER}') IS NOT NULL AND to_regrole('allie_xero_operator') IS NOT NULL
   AND CASE WHEN to_regrole('{OWNER}') IS NOT NULL
            THEN has_database_privilege('{OWNER}', current_database(), 'CREATE') END
""")

APPLIED = text("SELECT obj_description('allie_xero'::regnamespace, 'pg_namespace')")


class CannotMigrate(Exception):
    """The login may not migrate; the message says who has to do what."""


def roles_sql() -> str:
    """What an administrator runs, once a database, before the first migration."""
    return statements("roles.sql")


def become_owner(connection: Connection) -> None:
    """
    Act as the schema's owner until the session ends, so that everything made in it is the owner's.

    Makes the roles where they are missing, if the login may. Raises CannotMigrate, also behind a pooler: the
    session there is somebody else's in a moment, who would be the owner then.
    """
    assert connection.connection.driver_connection is not None, "it is open"  # noqa: S101
    if connection.execute(BACKEND).scalar() != connection.connection.driver_connection.info.backend_pid:
        raise CannotMigrate("This is a pooler. Migrate on a connection to PostgreSQL itself.")
    if not (_is_prepared(connection) or (_could(connection, roles_sql()) and _is_prepared(connection))):
        raise CannotMigrate(
            "The database's roles are missing, and this login may not make them. "
            "Have an administrator run, in this database, what this prints: allie-xero db roles"
        )
    become = f"SET ROLE {OWNER}"
    if not _could(connection, become) and not _could(connection, f"GRANT {OWNER} TO CURRENT_USER", become):
        raise CannotMigrate("This login may not migrate: grant it allie_xero_migrator.")
    connection.commit()


def apply_grants(connection: Connection, revision: str | None) -> None:
    """Run `access.sql` in one transaction, unless it has been for this revision of the schema."""
    wanted = statements("access.sql")
    stamp = f"schema {revision}, access {sha256(wanted.encode()).hexdigest()[:16]}"
    if connection.execute(APPLIED).scalar() != stamp:
        execute(connection, wanted)
        execute(connection, f"COMMENT ON SCHEMA allie_xero IS '{stamp}'")
    connection.commit()


def _is_prepared(connection: Connection) -> bool:
    """Whether the roles are there and may make schemas; PostgreSQL only warns of a GRANT that did nothing."""
    return bool(connection.execute(IS_PREPARED).scalar())


def _could(connection: Connection, *wanted: str) -> bool:
    """Whether the login may do that; if so it is done."""
    try:
        with connection.begin_nested():
            for statement in wanted:
                execute(connection, statement)
    except InsufficientPrivilege:
        return False
    return True
