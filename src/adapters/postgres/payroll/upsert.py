"""
Set-based writes that touch only what differs.

One statement a table and batch: the rows travel as one array a column, and `IS DISTINCT FROM` keeps unchanged
rows, and with them `changed_at`, as they are.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def _type(table: Table, column: str) -> str:
    return str(table.c[column].type.compile(dialect=DIALECT))


class Upsert:
    """
    Writes rows given as tuples in the order of `columns`; `key` are the columns that tell rows apart.

    `stale` is what a row that is new or differs is marked as, where the table is a to-do list. A `sparse`
    record does not say everything: what it leaves out stays as it is. `returning` names columns to give of
    each row written.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        key: Sequence[str],
        stale: bool | None = None,
        sparse: bool = False,
        returning: Sequence[str] = (),
    ) -> None:
        self._key = [columns.index(one) for one in key]
        self._columns = columns
        data = [one for one in columns if one not in key]
        offer = "coalesce(excluded.{0}, t.{0})" if sparse else "excluded.{0}"
        self._statement = text(
            _insert(table, columns, stale)
            + _on_conflict(key, {one: offer.format(one) for one in data}, stale)
            + "RETURNING "
            + ", ".join(f"t.{one}" for one in (returning or key))
        )

    def write(self, session: Session, scope: dict[str, object], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Write `rows`; give what was asked for of those that were new or differed."""
        if not rows:
            return []
        last = {tuple(row[one] for one in self._key): row for row in rows}
        arrays = zip(*last.values(), strict=True)
        values = {f"c{number}": list(array) for number, array in enumerate(arrays)}
        return list(session.execute(self._statement, {**scope, **values}))


def _insert(table: Table, columns: Sequence[str], stale: bool | None) -> str:
    arrays = ", ".join(f"CAST(:c{number} AS {_array(table, one)})" for number, one in enumerate(columns))
    chosen = ", ".join(
        f"CAST(u.{one} AS jsonb)" if isinstance(table.c[one].type, JSONB) else f"u.{one}" for one in columns
    )
    listed = ", ".join(columns)
    name, value = ("", "") if stale is None else (", stale", f", {str(stale).lower()}")
    return f"""
INSERT INTO {table.fullname} AS t (connection_id, clinic_id, {listed}{name})
SELECT :connection_id, :clinic_id, {chosen}{value} FROM unnest({arrays}) AS u ({listed})
"""  # noqa: S608


def _on_conflict(key: Sequence[str], offers: dict[str, str], stale: bool | None) -> str:
    sets = [f"{one} = {offer}" for one, offer in offers.items()]
    sets += ["changed_at = now()", "deleted_at = NULL"]
    if stale is not None:
        sets += [f"stale = {str(stale).lower()}", "set_aside_at = NULL"]
    held = ", ".join(f"t.{one}" for one in offers)
    return f"""
ON CONFLICT ({", ".join(("connection_id", *key))}) DO UPDATE SET {", ".join(sets)}
 WHERE t.deleted_at IS NOT NULL OR ({held}) IS DISTINCT FROM ({", ".join(offers.values())})
"""


def _array(table: Table, column: str) -> str:
    return "text[]" if isinstance(table.c[column].type, JSONB) else f"{_type(table, column)}[]"


class Prune:
    """Deletes the children that a parent no longer has; `key` are the parent's column and the child's."""

    def __init__(self, table: Table, key: Sequence[str]) -> None:
        parent = key[0]
        arrays = ", ".join(f"CAST(:k{number} AS {_type(table, one)}[])" for number, one in enumerate(key))
        listed = ", ".join(key)
        same = " AND ".join(f"u.{one} = t.{one}" for one in key)
        self._statement = text(f"""
DELETE FROM {table.fullname} t
 WHERE t.connection_id = :connection_id AND t.{parent} = ANY(CAST(:parents AS text[]))
   AND NOT EXISTS (SELECT FROM unnest({arrays}) AS u ({listed}) WHERE {same})
RETURNING t.{parent}
""")  # noqa: S608
        self.size = len(key)

    def delete(
        self,
        session: Session,
        scope: dict[str, object],
        parents: Sequence[str],
        kept: Sequence[tuple[Any, ...]],
    ) -> list[Any]:
        """Delete the children of `parents` that are not among `kept` keys; give their parents."""
        if not parents:
            return []
        columns = [list(one) for one in zip(*kept, strict=True)] or [[] for _ in range(self.size)]
        values = {f"k{number}": column for number, column in enumerate(columns)}
        return list(session.execute(self._statement, {**scope, **values, "parents": list(parents)}))
