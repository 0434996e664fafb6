import psycopg
import pytest
from sqlalchemy import exc

from adapters.postgres.errors import StorageBug, translated
from domain.errors import StorageConflict, StorageFull, StorageUnavailable

CANARY = "Failing row contains (s3cr3t-canary)"


def driver_error(kind: type[psycopg.Error], wrapper: type[exc.DBAPIError] = exc.DBAPIError) -> exc.DBAPIError:
    return wrapper("INSERT ...", {"token": CANARY}, kind(CANARY))


PASSING = [
    psycopg.errors.ConnectionFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.TooManyConnections,
    psycopg.errors.DiskFull,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.IoError,
]
BUGS = [
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.NotNullViolation,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.NumericValueOutOfRange,
    psycopg.errors.InFailedSqlTransaction,
]


@pytest.mark.parametrize("kind", PASSING, ids=lambda kind: kind.__name__)
def test_what_passes_is_an_outage(kind: type[psycopg.Error]) -> None:
    found = translated(driver_error(kind))
    assert isinstance(found, StorageUnavailable)
    assert str(kind.sqlstate) in str(found)
    assert isinstance(found, StorageFull) == (kind is psycopg.errors.DiskFull)


@pytest.mark.parametrize(
    ("kind", "wrapper"),
    [(psycopg.OperationalError, exc.OperationalError), (psycopg.InterfaceError, exc.InterfaceError)],
)
def test_a_connection_that_is_not_there_is_an_outage(
    kind: type[psycopg.Error], wrapper: type[exc.DBAPIError]
) -> None:
    assert isinstance(translated(driver_error(kind, wrapper)), StorageUnavailable)


def test_a_pool_that_has_no_connection_to_spare_is_an_outage() -> None:
    assert isinstance(translated(exc.TimeoutError()), StorageUnavailable)


def test_a_connection_that_broke_off_is_an_outage_whatever_it_says() -> None:
    error = driver_error(psycopg.errors.UndefinedTable)
    error.connection_invalidated = True
    assert isinstance(translated(error), StorageUnavailable)


def test_two_who_want_the_same_are_in_conflict() -> None:
    assert isinstance(translated(driver_error(psycopg.errors.UniqueViolation)), StorageConflict)


@pytest.mark.parametrize("kind", BUGS, ids=lambda kind: kind.__name__)
def test_what_the_database_will_never_take_is_a_bug(kind: type[psycopg.Error]) -> None:
    assert isinstance(translated(driver_error(kind)), StorageBug)


@pytest.mark.parametrize(
    ("kind", "wrapper"),
    [(psycopg.DataError, exc.DataError), (psycopg.ProgrammingError, exc.ProgrammingError)],
)
def test_what_the_driver_will_not_even_send_is_a_bug(
    kind: type[psycopg.Error], wrapper: type[exc.DBAPIError]
) -> None:
    assert isinstance(translated(driver_error(kind, wrapper)), StorageBug)


@pytest.mark.parametrize(
    "kind", [*PASSING, *BUGS, psycopg.errors.UniqueViolation], ids=lambda kind: kind.__name__
)
def test_no_text_of_the_driver_goes_any_further(kind: type[psycopg.Error]) -> None:
    found = translated(driver_error(kind))
    assert "s3cr3t" not in f"{found!r} {found}"
    assert "INSERT" not in str(found)
