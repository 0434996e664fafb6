"""Rows of payroll in memory: what differs is written, what does not keeps its stamp."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from domain.model.ids import ConnectionId
from domain.model.payroll import Totals
from domain.ports import Clock

Values = Mapping[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record's values and what is known of them."""

    values: Values
    changed_at: datetime
    deleted_at: datetime | None = None
    stale: bool = False
    set_aside_at: datetime | None = None

    @property
    def is_there(self) -> bool:
        return self.deleted_at is None


@dataclass
class PayrollRows:
    """Every payroll row by table, connection and key; rows are replaced, never changed in place."""

    clock: Clock
    rows: dict[tuple[str, ConnectionId, Key], Row] = field(default_factory=dict)

    def of(self, table: str, connection_id: ConnectionId) -> dict[Key, Row]:
        """A connection's rows of one table."""
        mine = ((key, row) for key, row in self.rows.items() if key[:2] == (table, connection_id))
        return {key[2]: row for key, row in mine}

    def put(
        self,
        table: str,
        connection_id: ConnectionId,
        key: Key,
        values: Values,
        *,
        stale: bool | None = None,
        sparse: bool = False,
    ) -> bool:
        """Write what differs, and tell whether anything did; see `adapters.postgres.payroll.upsert`."""
        place = (table, connection_id, key)
        old = self.rows.get(place)
        if sparse and old is not None:
            values = {name: old.values.get(name) if one is None else one for name, one in values.items()}
        values = {**(old.values if old else {}), **values}
        if old is not None and old.is_there and values == old.values:
            return False
        mark = stale if stale is not None else (old.stale if old else False)
        self.rows[place] = Row(values=values, changed_at=self.clock(), stale=mark)
        return True

    def put_children(
        self, table: str, connection_id: ConnectionId, parent: str, children: Mapping[Key, Values]
    ) -> bool:
        """Write a parent's children and delete those it no longer has; tell whether anything differed."""
        kept = {(parent, *key): values for key, values in children.items()}
        held = [key for key in self.of(table, connection_id) if key[0] == parent and key not in kept]
        for key in held:
            del self.rows[table, connection_id, key]
        written = [self.put(table, connection_id, key, values) for key, values in kept.items()]
        return any(written) or bool(held)

    def mark(
        self, table: str, connection_id: ConnectionId, is_meant: Callable[[Key, Row], bool], **changes: Any
    ) -> list[tuple[Key, Row]]:
        """Change the stamps of some rows, and give them."""
        found = [(key, row) for key, row in self.of(table, connection_id).items() if is_meant(key, row)]
        for key, row in found:
            self.rows[table, connection_id, key] = replace(row, **changes)
        return found

    def tombstone(
        self, table: str, connection_id: ConnectionId, is_meant: Callable[[Key, Row], bool]
    ) -> list[tuple[Key, Row]]:
        """Mark rows deleted that are not, and give them."""
        now = self.clock()
        return self.mark(
            table,
            connection_id,
            lambda key, row: row.is_there and is_meant(key, row),
            deleted_at=now,
            changed_at=now,
            stale=False,
        )


def values_of(record: Any, *but: str, **more: Any) -> dict[str, Any]:
    """A record's own fields, its totals flattened, and some more."""
    values = {one.name: getattr(record, one.name) for one in fields(record) if one.name not in but}
    totals = values.pop("totals", None)
    if isinstance(totals, Totals):
        values |= values_of(totals)
    return values | more


def by_position(children: Iterable[Any], names: Sequence[str]) -> dict[Key, Values]:
    """Children by the fields that tell them apart."""
    return {tuple(str(getattr(one, name)) for name in names): values_of(one) for one in children}
