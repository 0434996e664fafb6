"""One of several processes does what should not be done twice at once."""

from sqlalchemy import Connection, Engine, text

TRY = text("SELECT pg_try_advisory_xact_lock(7241903552)")
"""An arbitrary number, next to that of the migrations."""


class Leader:
    """
    Holds an advisory lock from one asking to the next, in a transaction that holds nothing else.

    A lock of a transaction, unlike one of a session, also works through a pooler. Who hangs loses it after
    `idle_in_transaction_session_timeout` (30 s), who dies at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Connection | None = None

    def leads(self) -> bool:
        """Whether this process leads until it asks again. Raises the driver's errors."""
        session = self._session or self._engine.connect()
        self._session = None
        try:
            session.rollback()
            if session.execute(TRY).scalar():
                self._session = session
                return True
        finally:
            if self._session is None:
                session.close()
        return False

    def close(self) -> None:
        """Let another lead."""
        if self._session is not None:
            self._session.close()
            self._session = None
