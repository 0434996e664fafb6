"""One connection's payroll store, a transaction a step."""

from collections.abc import Mapping, Sequence
from datetime import date

from builders import CLINIC, make_reply
from contract.backends import Backend
from domain.model.budget import Lane
from domain.model.connection import Connection
from domain.model.ids import SourceId
from domain.model.payroll import Record
from domain.model.plans import AU
from domain.model.streams import Plan, Resource, Stream
from domain.model.sync import Backlog, Changes, DetailRequest, ListRequest
from fakes.payroll_rows import Row


class Payroll:
    """One connection's payroll, a transaction a step."""

    def __init__(self, backend: Backend, connection: Connection) -> None:
        self.backend = backend
        self.connection = connection

    def save(self, *records: Record) -> Changes:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.save(self.connection.id, records)

    def todo(self, lane: Lane = Lane.FRESH, limit: int = 100) -> list[str]:
        with self.backend.transaction(CLINIC) as stores:
            found = stores.payroll.todo(self.connection.id, lane, limit)
        return [f"{one.resource}:{one.source_id}" for one in found]

    def backlog(self) -> Backlog:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.backlog(self.connection.id)

    def known_to(self) -> Mapping[Stream, date]:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.known_to(self.connection.id)

    def gone(self, *requests: DetailRequest) -> Changes:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.gone(self.connection.id, requests)

    def set_aside(self, resource: Resource, name: str) -> None:
        with self.backend.transaction(CLINIC) as stores:
            stores.payroll.set_aside(self.connection.id, DetailRequest(resource, SourceId(name)))

    def doubt_newest(self) -> None:
        with self.backend.transaction(CLINIC) as stores:
            stores.payroll.doubt_newest(self.connection.id)

    def doubt_all(self, plan: Plan = AU) -> None:
        with self.backend.transaction(CLINIC) as stores:
            stores.payroll.doubt_all(self.connection.id, plan.details)

    def scan(self, resource: Resource, *records: Record, page: int = 1, **reply: object) -> None:
        with self.backend.transaction(CLINIC) as stores:
            answer = make_reply(*records, **reply)
            stores.payroll.note_seen(self.connection.id, ListRequest(resource, page), answer)

    def end_scan(self, resource: Resource, *records: Record, page: int = 1, **reply: object) -> Changes:
        with self.backend.transaction(CLINIC) as stores:
            answer = make_reply(*records, **reply)
            request = ListRequest(resource, page)
            return stores.payroll.doubt_unseen(self.connection.id, request, answer)

    def holds(self, shown: Mapping[Resource, Sequence[str]]) -> bool:
        with self.backend.transaction(CLINIC) as stores:
            ids = {resource: [SourceId(one) for one in names] for resource, names in shown.items()}
            return stores.payroll.holds(self.connection.id, ids)

    def count(self, resource: Resource) -> int:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.count(self.connection.id, resource)

    def doubt_recent(self, *details: Resource, part: int = 0, parts: int = 1) -> None:
        with self.backend.transaction(CLINIC) as stores:
            stores.payroll.doubt_recent(self.connection.id, details or AU.details, part=part, parts=parts)

    def recent(self, *details: Resource) -> dict[Resource, int]:
        with self.backend.transaction(CLINIC) as stores:
            return dict(stores.payroll.recent(self.connection.id, details))

    def payslips_a_run(self) -> int:
        with self.backend.transaction(CLINIC) as stores:
            return stores.payroll.payslips_a_run(self.connection.id)

    def today(self) -> date:
        with self.backend.transaction(CLINIC) as stores:
            return stores.now.date()

    def backfilled(self) -> None:
        with self.backend.transaction(CLINIC) as stores:
            stores.syncs.backfilled(self.connection.id)

    def rows(self, table: str) -> list[Row]:
        return self.backend.payroll(table, self.connection.id)

    def there(self, table: str) -> list[bool]:
        return [row.is_there for row in self.rows(table)]
