"""Whether Xero is away for everybody: one row, in PostgreSQL."""

from sqlalchemy import Connection as Session
from sqlalchemy import TextClause, text

from domain.model.outage import Outage

GET = text("SELECT failures, last, began_at, ask_at FROM allie_xero.outage")

GET_FOR_UPDATE = text("SELECT failures, last, began_at, ask_at FROM allie_xero.outage FOR UPDATE")

SAVE = text("""
INSERT INTO allie_xero.outage (failures, last, began_at, ask_at)
VALUES (:failures, :last, :began_at, :ask_at)
ON CONFLICT ("only") DO UPDATE
   SET failures = excluded.failures, last = excluded.last, began_at = excluded.began_at,
       ask_at = excluded.ask_at
""")


class PostgresOutageStore:
    """See `domain.ports.OutageStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self) -> Outage:
        """What is known."""
        return self._read(GET)

    def get_for_update(self) -> Outage:
        """What is known, locked."""
        return self._read(GET_FOR_UPDATE)

    def save(self, outage: Outage) -> None:
        """Keep it."""
        values = {
            "failures": outage.failures,
            "last": outage.last,
            "began_at": outage.began_at,
            "ask_at": outage.ask_at,
        }
        self._session.execute(SAVE, values)

    def _read(self, query: TextClause) -> Outage:
        row = self._session.execute(query).one_or_none()
        if row is None:
            return Outage()
        return Outage(failures=row.failures, last=row.last, began_at=row.began_at, ask_at=row.ask_at)
