"""Events that were seen, in PostgreSQL."""

from datetime import timedelta

from sqlalchemy import Connection as Session
from sqlalchemy import text

from domain.errors import EventBusy
from domain.messages import AHEAD, EventHeader
from domain.model.ids import ClinicId

CLAIM_SECONDS = 150
"""Longer than the HTTP calls of one connect can take, so that two workers never exchange one code."""

# What is not there yet cannot be locked: a connect and a disconnect that begin at once would miss each other.
TAKE_TURNS = text("""
SELECT pg_advisory_xact_lock(hashtext('allie_xero.inbox'), hashtext(CAST(:clinic_id AS text)))
""")

EVENT_TIME = """
CASE WHEN CAST(:time AS timestamptz) <= clock_timestamp() + :ahead THEN CAST(:time AS timestamptz) END
"""

BEGIN = text(f"""
INSERT INTO allie_xero.inbox AS i (source, event_id, type, clinic_id, event_time, claimed_until)
VALUES (:source, :event_id, :type, :clinic_id, {EVENT_TIME}, clock_timestamp() + :claim * interval '1 second')
ON CONFLICT (source, event_id) DO UPDATE
   SET claimed_until = excluded.claimed_until
 WHERE i.completed_at IS NULL AND (i.claimed_until IS NULL OR i.claimed_until < clock_timestamp())
RETURNING true
""")  # noqa: S608

IS_DONE = text("""
SELECT completed_at IS NOT NULL FROM allie_xero.inbox WHERE source = :source AND event_id = :event_id
""")

IS_OVERTAKEN = text("""
SELECT EXISTS (
    SELECT FROM allie_xero.inbox mine JOIN allie_xero.inbox other ON other.clinic_id = mine.clinic_id
     WHERE mine.source = :source AND mine.event_id = :event_id
       AND other.type = :by AND other.completed_at IS NOT NULL
       AND coalesce(other.event_time > mine.event_time, other.completed_at > mine.begun_at)
)
""")

HAS_LATER = text("""
SELECT EXISTS (
    SELECT FROM allie_xero.inbox mine JOIN allie_xero.inbox other ON other.clinic_id = mine.clinic_id
     WHERE mine.source = :source AND mine.event_id = :event_id
       AND other.type = :type AND other.outcome = :outcome AND other.event_time >= mine.event_time + :by
)
""")

COMPLETE = text("""
UPDATE allie_xero.inbox SET completed_at = clock_timestamp(), claimed_until = NULL, outcome = :outcome
 WHERE source = :source AND event_id = :event_id
""")

RELEASE = text("""
UPDATE allie_xero.inbox SET claimed_until = NULL WHERE source = :source AND event_id = :event_id
""")

# `attempts` counts starts without an end, of events that came back from a worker.
NOTE_START = text(f"""
INSERT INTO allie_xero.inbox AS i (source, event_id, type, clinic_id, event_time, attempts)
VALUES (:source, :event_id, :type, :clinic_id, {EVENT_TIME}, 1)
ON CONFLICT (source, event_id) DO UPDATE SET attempts = i.attempts + 1
RETURNING attempts
""")  # noqa: S608

NOTE_END = text("""
UPDATE allie_xero.inbox SET attempts = greatest(attempts - 1, 0)
 WHERE source = :source AND event_id = :event_id
""")


class PostgresInbox:
    """See `domain.ports.Inbox`."""

    def __init__(self, session: Session, clinic_id: ClinicId | None) -> None:
        self._session = session
        self._clinic_id = clinic_id

    def begin(self, header: EventHeader, event_type: str) -> bool:
        """Start on an event, after the clinic's others; False if it is done already. Raises EventBusy."""
        values = self._values(header, event_type)
        self._session.execute(TAKE_TURNS, {"clinic_id": self._clinic_id})
        if self._session.execute(BEGIN, {**values, "claim": CLAIM_SECONDS}).scalar():
            return True
        if self._session.execute(IS_DONE, _key(header)).scalar():
            return False
        raise EventBusy("the event is being worked on")

    def is_overtaken(self, header: EventHeader, by: str) -> bool:
        """Whether an event of type `by`, of the same clinic, beats this one, which has begun."""
        return bool(self._session.execute(IS_OVERTAKEN, {**_key(header), "by": by}).scalar())

    def has_later(self, header: EventHeader, event_type: str, outcome: str, by: timedelta) -> bool:
        """Whether a later event of that type, of the same clinic, ended in `outcome`."""
        asked = {**_key(header), "type": event_type, "outcome": outcome, "by": by}
        return bool(self._session.execute(HAS_LATER, asked).scalar())

    def complete(self, header: EventHeader, outcome: str) -> None:
        """The event has had its effect, in this transaction."""
        self._session.execute(COMPLETE, {**_key(header), "outcome": outcome})

    def release(self, header: EventHeader) -> None:
        """Let the event's next delivery begin at once."""
        self._session.execute(RELEASE, _key(header))

    def note_start(self, header: EventHeader, event_type: str) -> int:
        """An event that came back is started once more; give how many such starts have had no end."""
        return int(self._session.execute(NOTE_START, self._values(header, event_type)).scalar_one())

    def note_end(self, header: EventHeader) -> None:
        """The worker has outlived the start it noted last; no more is taken back than there is."""
        self._session.execute(NOTE_END, _key(header))

    def _values(self, header: EventHeader, event_type: str) -> dict[str, object]:
        values = {"type": event_type, "clinic_id": self._clinic_id, "time": header.time, "ahead": AHEAD}
        return {**_key(header), **values}


def _key(header: EventHeader) -> dict[str, str]:
    return {"source": header.source, "event_id": header.id}
