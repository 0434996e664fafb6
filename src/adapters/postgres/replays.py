"""Operators' wishes to have failures worked again, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection as Session
from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from domain.model.ids import ClinicId, FailureId, ReplayId, ReplayItemId
from domain.model.kept_failure import FailureQuery, KeptFailure
from domain.model.replays import (
    LOOK_AGAIN,
    SLOW,
    ItemState,
    Progress,
    Replay,
    ReplayItem,
    ReplayState,
)

ADD = text("""
INSERT INTO allie_xero.replay (state, wanted, operator, reason, is_canary, rate, created_at)
VALUES (:state, :wanted, :operator, :reason, :is_canary, :rate, :created_at) RETURNING id
""").bindparams(bindparam("wanted", type_=JSONB))

# Clinics take turns, so that the first wave is not one clinic's alone.
ADD_ITEMS = text("""
INSERT INTO allie_xero.replay_item (replay_id, failure_id, clinic_id, state, attempts)
SELECT :replay_id, one.failure_id, one.clinic_id, 'queued', one.attempts
  FROM unnest(CAST(:failures AS bigint[]), CAST(:clinics AS text[]), CAST(:attempts AS integer[]))
       WITH ORDINALITY AS one (failure_id, clinic_id, attempts, place)
 ORDER BY row_number() OVER (PARTITION BY one.clinic_id ORDER BY one.place), one.place
""")

GET = "SELECT * FROM allie_xero.replay WHERE id = :id"

UNDER_WAY = text("""
SELECT * FROM allie_xero.replay
 WHERE id IN (SELECT id FROM allie_xero.replay WHERE state = 'running'
              UNION SELECT replay_id FROM allie_xero.replay_item
                     WHERE state = 'started' AND due_at IS NOT NULL)
 ORDER BY id FOR UPDATE SKIP LOCKED
""")

SAVE = text("""
UPDATE allie_xero.replay SET state = :state, released_at = :released_at, ended_at = :ended_at WHERE id = :id
""")

SKIP_THE_REST = text("""
UPDATE allie_xero.replay_item
   SET state = 'skipped', due_at = NULL, settled_at = now(), note = 'its replay ended before it was begun'
 WHERE replay_id = :id AND state IN ('queued', 'released')
""")

NOTE = text("""
INSERT INTO allie_xero.replay_audit (replay_id, action, operator, reason, detail)
VALUES (:replay_id, :action, :operator, :reason, :detail)
""").bindparams(bindparam("detail", type_=JSONB))

IS_PROVEN = text("""
SELECT EXISTS (
    SELECT FROM allie_xero.replay r
     WHERE r.is_canary AND r.state = 'finished' AND r.ended_at > clock_timestamp() - CAST(:within AS interval)
       AND (r.wanted ->> 'clinic_id', r.wanted ->> 'stream', r.wanted ->> 'fingerprint')
           IS NOT DISTINCT FROM (CAST(:clinic_id AS text), CAST(:stream AS text), CAST(:fingerprint AS text))
       AND EXISTS (SELECT FROM allie_xero.replay_item i WHERE i.replay_id = r.id AND i.state = 'succeeded'))
""")

SETTLE = text("""
UPDATE allie_xero.replay_item i
   SET state = CASE WHEN f.state = 'resolved' THEN 'succeeded'
                    WHEN f.state = 'discarded' THEN 'skipped' ELSE 'failed' END,
       note = CASE WHEN f.state IN ('failed', 'quarantined') THEN f.error ELSE f.settled_why END,
       due_at = NULL, settled_at = now()
  FROM allie_xero.failure f
 WHERE i.replay_id = :id AND i.state = 'started' AND f.id = i.failure_id
   AND (f.state IN ('resolved', 'discarded')
        OR f.attempts > i.attempts AND f.state IN ('failed', 'quarantined'))
""")

PROGRESS = text("""
SELECT state, count(*) AS items,
       count(*) FILTER (WHERE started_at < clock_timestamp() - CAST(:slow AS interval)) AS slow
  FROM allie_xero.replay_item WHERE replay_id = :id GROUP BY state
""")

RELEASE = text("""
UPDATE allie_xero.replay_item SET state = 'released', due_at = clock_timestamp()
 WHERE id IN (SELECT id FROM allie_xero.replay_item WHERE replay_id = :id AND state = 'queued'
               ORDER BY id LIMIT :count)
""")

ITEMS = text("""
SELECT * FROM allie_xero.replay_item
 WHERE replay_id = :id AND clinic_id = :clinic_id AND state IN ('released', 'started') ORDER BY id FOR UPDATE
""")

SAVE_ITEM = text("""
UPDATE allie_xero.replay_item
   SET state = :state, started_at = :started_at, settled_at = :settled_at, note = :note, due_at = :due_at
 WHERE id = :id
""")

POSTPONE = text("UPDATE allie_xero.replay_item SET due_at = :until WHERE id = ANY(:ids)")


class PostgresReplayStore:
    """See `domain.ports.ReplayStore`."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def add(self, replay: Replay, failures: Sequence[KeptFailure]) -> Replay:
        """Keep a new one; give it with its id."""
        wanted = msgspec.to_builtins(asdict(replay.query))
        values = {
            "state": replay.state,
            "wanted": wanted,
            "operator": replay.operator,
            "reason": replay.reason,
            "is_canary": replay.is_canary,
            "rate": replay.rate,
            "created_at": replay.created_at,
        }
        kept = replace(replay, id=ReplayId(self._session.execute(ADD, values).scalar_one()))
        items = {
            "failures": [one.id for one in failures],
            "clinics": [one.failure.clinic_id for one in failures],
            "attempts": [one.attempts for one in failures],
        }
        self._session.execute(ADD_ITEMS, {"replay_id": kept.id, **items})
        return kept

    def get(self, replay_id: ReplayId) -> Replay | None:
        """One replay."""
        return self._one(GET, replay_id)

    def get_for_update(self, replay_id: ReplayId) -> Replay | None:
        """One replay, locked."""
        return self._one(f"{GET} FOR UPDATE", replay_id)

    def under_way(self) -> Sequence[Replay]:
        """Those that run, or that something is under way of, locked; another dispatcher gets others."""
        return [_replay(row) for row in self._session.execute(UNDER_WAY).mappings()]

    def save(self, replay: Replay) -> None:
        """Keep what changed; once it is over, what it has not begun is skipped."""
        values = {
            "id": replay.id,
            "state": replay.state,
            "released_at": replay.released_at,
            "ended_at": replay.ended_at,
        }
        self._session.execute(SAVE, values)
        if replay.state.is_over:
            self._session.execute(SKIP_THE_REST, {"id": replay.id})

    def note(
        self, replay_id: ReplayId, action: str, operator: str, reason: str, detail: Mapping[str, object]
    ) -> None:
        """Add a line to the audit, for good."""
        values = {"action": action, "operator": operator, "reason": reason, "detail": dict(detail)}
        self._session.execute(NOTE, {"replay_id": replay_id, **values})

    def is_proven(self, query: FailureQuery, within: timedelta) -> bool:
        """Whether a canary of this scope has gone well of late."""
        clinic_id, stream, fingerprint = query.scope
        values = {"clinic_id": clinic_id, "stream": stream, "fingerprint": fingerprint, "within": within}
        return bool(self._session.execute(IS_PROVEN, values).scalar())

    def settle(self, replay_id: ReplayId) -> None:
        """Note of what is under way whether it has gone well since, or failed again."""
        self._session.execute(SETTLE, {"id": replay_id})

    def progress(self, replay_id: ReplayId) -> Progress:
        """How many of its failures are in each state."""
        rows = self._session.execute(PROGRESS, {"id": replay_id, "slow": SLOW}).all()
        slow = sum(row.slow for row in rows if row.state == ItemState.STARTED)
        return Progress(**{row.state: row.items for row in rows}, slow=slow)

    def release(self, replay_id: ReplayId, count: int) -> None:
        """Let so many more be worked, in the order of the clinics' turns."""
        self._session.execute(RELEASE, {"id": replay_id, "count": count})

    def items(self, replay_id: ReplayId, clinic_id: ClinicId) -> Sequence[ReplayItem]:
        """What of one clinic is released or under way, locked."""
        rows = self._session.execute(ITEMS, {"id": replay_id, "clinic_id": clinic_id}).mappings()
        return [_item(row) for row in rows]

    def save_item(self, item: ReplayItem) -> None:
        """Keep what changed; what is under way is looked at again in a while."""
        due_at = self._now + LOOK_AGAIN if item.state is ItemState.STARTED else None
        values = {
            "id": item.id,
            "state": item.state,
            "started_at": item.started_at,
            "settled_at": item.settled_at,
            "note": item.note,
            "due_at": due_at,
        }
        self._session.execute(SAVE_ITEM, values)

    def postpone(self, items: Sequence[ReplayItemId], until: datetime) -> None:
        """They cannot be begun yet."""
        self._session.execute(POSTPONE, {"ids": list(items), "until": until})

    def _one(self, query: str, replay_id: ReplayId) -> Replay | None:
        row = self._session.execute(text(query), {"id": replay_id}).mappings().one_or_none()
        return _replay(row) if row is not None else None


def _replay(row: RowMapping) -> Replay:
    return Replay(
        id=ReplayId(row["id"]),
        state=ReplayState(row["state"]),
        query=msgspec.convert(row["wanted"], FailureQuery),
        operator=row["operator"],
        reason=row["reason"],
        is_canary=row["is_canary"],
        rate=row["rate"],
        created_at=row["created_at"],
        released_at=row["released_at"],
        ended_at=row["ended_at"],
    )


def _item(row: RowMapping) -> ReplayItem:
    return ReplayItem(
        id=ReplayItemId(row["id"]),
        replay_id=ReplayId(row["replay_id"]),
        failure_id=FailureId(row["failure_id"]),
        clinic_id=ClinicId(row["clinic_id"]),
        state=ItemState(row["state"]),
        attempts=row["attempts"],
        started_at=row["started_at"],
        settled_at=row["settled_at"],
        note=row["note"],
    )
