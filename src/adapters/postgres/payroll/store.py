"""The copy of the clinics' payroll, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection as Session

from adapters.postgres.payroll import doubts, todo
from adapters.postgres.payroll.writer import PayrollWriter
from domain.model.budget import Lane
from domain.model.ids import ClinicId, ConnectionId, SourceId
from domain.model.payroll import Record
from domain.model.streams import Resource, Stream
from domain.model.sync import Backlog, Changes, DetailRequest, ListRequest, Reply


class PostgresPayrollStore:
    """See `domain.ports.PayrollStore`."""

    def __init__(self, session: Session, clinic_id: ClinicId | None, history: date) -> None:
        self._session = session
        self._clinic_id = clinic_id
        self._history = history

    def save(self, connection_id: ConnectionId, records: Sequence[Record]) -> Changes:
        """Write what differs. A list's row that is new or differs becomes stale; a detail clears it."""
        return PayrollWriter(self._session, self._clinic_id, connection_id).save(records)

    def holds(self, connection_id: ConnectionId, shown: Mapping[Resource, Sequence[SourceId]]) -> bool:
        """Whether all that these lists show was saved before, by its ids."""
        return doubts.holds(self._session, connection_id, shown)

    def todo(
        self, connection_id: ConnectionId, lane: Lane, limit: int, *, but: Collection[Resource] = ()
    ) -> Sequence[DetailRequest]:
        """Details to read, most wanted first: the newest pay runs, then the rest."""
        return todo.todo(self._session, connection_id, lane, limit, history=self._history, but=but)

    def backlog(self, connection_id: ConnectionId) -> Backlog:
        """How much detail there is, and how much of it is stale."""
        return todo.backlog(self._session, connection_id, self._history)

    def payslips_a_run(self, connection_id: ConnectionId) -> int:
        """How many payslips a pay run may have: as many as the largest here, or all active staff."""
        return todo.payslips_a_run(self._session, connection_id)

    def known_to(self, connection_id: ConnectionId) -> Mapping[Stream, date]:
        """The last payment date of posted pay runs and of their payslips with lines; timesheets' last day."""
        return todo.known_to(self._session, connection_id)

    def gone(self, connection_id: ConnectionId, requests: Sequence[DetailRequest]) -> Changes:
        """Xero has these no more; mark them deleted."""
        return doubts.gone(self._session, connection_id, requests)

    def set_aside(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        """This detail cannot be read; do not ask for it again until it changes or is replayed."""
        doubts.set_aside(self._session, connection_id, request)

    def doubt(self, connection_id: ConnectionId, request: DetailRequest) -> None:
        """Read this detail again, also if it was set aside."""
        doubts.doubt(self._session, connection_id, request)

    def is_doubted(self, connection_id: ConnectionId, request: DetailRequest) -> bool:
        """Whether it is yet to be read."""
        return doubts.is_doubted(self._session, connection_id, request)

    def doubt_newest(self, connection_id: ConnectionId) -> None:
        """Read drafts and each calendar's newest posted pay run again: their stamps may not tell."""
        doubts.doubt_newest(self._session, connection_id)

    def doubt_all(self, connection_id: ConnectionId, details: Collection[Resource]) -> None:
        """Read every detail of these kinds again, as backfill."""
        doubts.doubt_all(self._session, connection_id, details)

    def recent(self, connection_id: ConnectionId, details: Collection[Resource]) -> Mapping[Resource, int]:
        """How many staff and runs of thirteen months there are, of these kinds."""
        return doubts.recent(self._session, connection_id, details)

    def doubt_recent(
        self, connection_id: ConnectionId, details: Collection[Resource], *, part: int = 0, parts: int = 1
    ) -> None:
        """Read again, of these kinds, a part of the staff and runs of 13 months, and what was set aside."""
        doubts.doubt_recent(self._session, connection_id, details, part, parts)

    def note_seen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> None:
        """Remember what a page of a full scan has shown, until its last."""
        doubts.note_seen(self._session, connection_id, request, reply)

    def doubt_unseen(self, connection_id: ConnectionId, request: ListRequest, reply: Reply) -> Changes:
        """The last page of a full scan: what it did not show has vanished, or is asked for by itself."""
        return doubts.doubt_unseen(self._session, connection_id, request, reply)

    def count(self, connection_id: ConnectionId, resource: Resource) -> int:
        """How many rows that list has filled."""
        return doubts.count(self._session, connection_id, resource)

    def erase(self, connection_id: ConnectionId) -> Mapping[str, int]:
        """Delete every payroll row of this connection; rows by table."""
        return doubts.erase(self._session, connection_id)
