"""
Drivers' exceptions become the domain's errors here, without their texts.

PostgreSQL quotes rows in its messages ("Failing row contains ..."), so no driver text goes any further; the
SQLSTATE and the constraint's name say enough.
"""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.errors import ServiceError, StorageConflict, StorageFull, StorageUnavailable

PASSING = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes that pass: connection, rollback, resources, object state, intervention, system."""

UNIQUE_VIOLATION = "23505"
DISK_FULL = "53100"
"""What ENOSPC becomes: errcode_for_file_access in PostgreSQL's elog.c."""


class StorageBug(Exception):
    """The database refuses what we ask; a bug, known by its SQLSTATE and constraint."""


def translated(error: DBAPIError | PoolTimeoutError) -> ServiceError | StorageBug:
    """The error to raise in place of the driver's."""
    if isinstance(error, PoolTimeoutError):
        return StorageUnavailable("no database connection was free in time")
    sqlstate = getattr(error.orig, "sqlstate", None)
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if sqlstate == UNIQUE_VIOLATION:
        return StorageConflict(f"somebody else was first ({constraint})")
    if sqlstate == DISK_FULL:
        return StorageFull(f"the database's disk is full (SQLSTATE {sqlstate})")
    known = f" (SQLSTATE {sqlstate})" if sqlstate else ""
    is_lost = sqlstate is None and isinstance(error, OperationalError | InterfaceError)
    if is_lost or (sqlstate or "")[:2] in PASSING or error.connection_invalidated:
        return StorageUnavailable(f"the database is away{known}")
    return StorageBug(f"SQLSTATE {sqlstate}" + (f", constraint {constraint}" if constraint else ""))
