"""What rests, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, text

from domain.model.budget import Lane
from domain.model.ids import ClinicId, PauseId
from domain.model.pauses import Pause, Scope
from domain.model.streams import Stream

IN_FORCE = "p.ended_at IS NULL AND p.until > clock_timestamp()"

IS_PAUSED = f"""EXISTS (
    SELECT FROM allie_xero.pause p
     WHERE {IN_FORCE} AND p.stream IS NULL AND p.lane IS NULL
       AND (p.only_clinic IS NULL OR p.only_clinic = {{clinic_id}}))
"""
"""Whether nothing at all is read of a clinic; to be formatted with the SQL of its id."""

ADD = text("""
INSERT INTO allie_xero.pause (only_clinic, stream, lane, until, operator, reason, created_at)
VALUES (:only_clinic, :stream, :lane, :until, :operator, :reason, :created_at) RETURNING id
""")

FIND = text(f"SELECT * FROM allie_xero.pause p WHERE {IN_FORCE} ORDER BY id")  # noqa: S608

OF = text(f"""
SELECT * FROM allie_xero.pause p
 WHERE {IN_FORCE} AND (only_clinic IS NULL OR only_clinic = :clinic_id) ORDER BY id
""")  # noqa: S608

END = text("UPDATE allie_xero.pause SET ended_at = clock_timestamp(), ended_by = :by WHERE id = :id")

# Connections that had nothing to do but what rested wait for the end of the pause, or for their next look.
WAKE = text("""
UPDATE allie_xero.sync_state SET due_at = now()
 WHERE due_at IN (:until, least(changes_at, reconcile_at))
   AND (CAST(:only_clinic AS text) IS NULL OR clinic_id = :only_clinic)
""")


class PostgresPauseStore:
    """See `domain.ports.PauseStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, pause: Pause) -> Pause:
        """Keep a new one; give it with its id."""
        values = {
            "only_clinic": pause.scope.clinic_id,
            "stream": pause.scope.stream,
            "lane": pause.scope.lane,
            "until": pause.until,
            "operator": pause.operator,
            "reason": pause.reason,
            "created_at": pause.created_at,
        }
        return replace(pause, id=PauseId(self._session.execute(ADD, values).scalar_one()))

    def in_force(self) -> Sequence[Pause]:
        """All that are in force, oldest first."""
        return [_pause(row) for row in self._session.execute(FIND).mappings()]

    def of(self, clinic_id: ClinicId) -> Sequence[Pause]:
        """Those in force that concern a clinic."""
        return [_pause(row) for row in self._session.execute(OF, {"clinic_id": clinic_id}).mappings()]

    def end(self, pause: Pause, operator: str) -> None:
        """It is over; what waited for its end is due now."""
        self._session.execute(END, {"id": pause.id, "by": operator})
        self._session.execute(WAKE, {"until": pause.until, "only_clinic": pause.scope.clinic_id})


def _pause(row: RowMapping) -> Pause:
    return Pause(
        id=PauseId(row["id"]),
        scope=Scope(
            clinic_id=ClinicId(row["only_clinic"]) if row["only_clinic"] else None,
            stream=Stream(row["stream"]) if row["stream"] else None,
            lane=Lane(row["lane"]) if row["lane"] else None,
        ),
        until=row["until"],
        operator=row["operator"],
        reason=row["reason"],
        created_at=row["created_at"],
    )
