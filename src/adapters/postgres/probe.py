"""Whether the database can be worked with: reachable, and with a schema that this version knows."""

from importlib.resources import files

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.postgres.engine import open_engine
from adapters.postgres.errors import translated

VERSION = text("SELECT max(version_num) FROM allie_xero.alembic_version")


def newest_schema() -> str:
    """The version of the newest migration that this code brings: the oldest schema it works with."""
    names = (one.name for one in files("adapters.postgres.migrations.versions").iterdir())
    return max(name[:4] for name in names if name[:4].isdigit())


class DatabaseProbe:
    """Asks over one connection of its own, so that a busy pool does not look like a lost database."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, pool_size=1, application_name="allie-xero probe")

    def problems(self) -> list[str]:
        """What is wrong, in a few words each."""
        try:
            with self._engine.connect() as session:
                found = session.execute(VERSION).scalar()
        except (DBAPIError, PoolTimeoutError) as error:
            return [str(translated(error))]
        needed = newest_schema()
        if found is None or found < needed:
            return [f"the database's schema is {found}, {needed} is needed: run allie-xero db migrate"]
        return []

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.dispose()
