"""What went wrong, in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import Connection as Session
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from domain.model.failures import Failure, FailureState
from domain.model.ids import ConnectionId

RECORD = text("""
INSERT INTO allie_xero.failure AS f
       (fingerprint, state, error, place, subject, stream, clinic_id, connection_id, context)
VALUES (:fingerprint, :state, :error, :place, :subject, :stream, :clinic_id, :connection_id, :context)
ON CONFLICT (coalesce(connection_id, 0), place, subject)
      WHERE state IN ('retrying', 'quarantined', 'failed') DO UPDATE
   SET fingerprint = excluded.fingerprint, state = excluded.state, error = excluded.error,
       stream = excluded.stream, context = excluded.context, attempts = f.attempts + 1, last_seen_at = now()
""").bindparams(bindparam("context", type_=JSONB))

RESOLVE = text("""
UPDATE allie_xero.failure SET state = 'resolved', resolved_at = now()
 WHERE connection_id = :connection_id AND subject = ANY(:subjects)
   AND state IN ('retrying', 'quarantined', 'failed')
""")


class PostgresFailureStore:
    """See `domain.ports.FailureStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, failure: Failure) -> None:
        """Add a failure, or another attempt of one that is open."""
        self._session.execute(
            RECORD,
            {
                "fingerprint": failure.fingerprint,
                "state": FailureState(failure.state),
                "error": failure.error,
                "place": failure.place,
                "subject": failure.subject,
                "stream": failure.stream,
                "clinic_id": failure.clinic_id,
                "connection_id": failure.connection_id,
                "context": dict(failure.context),
            },
        )

    def resolve(self, connection_id: ConnectionId, subjects: Sequence[str]) -> None:
        """What failed has gone well since."""
        self._session.execute(RESOLVE, {"connection_id": connection_id, "subjects": list(subjects)})
