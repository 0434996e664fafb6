"""
Set-based writes that touch only what differs.

One statement a table and batch: the rows travel as one JSON text, which is encoded twenty times as fast as
an array for each column (docs/performance.md), and `IS DISTINCT FROM` keeps unchanged rows, and with them
`changed_at`, as they are.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection as Session
from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


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
        self._key = _picker(columns, key)
        self._is_sparse = sparse
        given = ", ".join(f"t.{one}" for one in (returning or key))
        self._statement = text(
            f"{_insert(table, columns, stale)} FROM {_rows(table, columns)} AS u "
            f"{_on_conflict(columns, key, stale, sparse=sparse)} RETURNING {given}"
        )

    def write(self, session: Session, scope: dict[str, object], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Write `rows`; give what was asked for of those that were new or differed."""
        if not rows:
            return []
        written = _merged(rows, self._key) if self._is_sparse else rows
        values = {**scope, "rows": _encoded(written, self._key)}
        return list(session.execute(self._statement, values).all())


class Children:
    """Writes the rows that belong to some parents, and deletes those that the parents no longer have."""

    def __init__(self, table: Table, columns: Sequence[str], *, key: Sequence[str]) -> None:
        parent = key[0]
        same = " AND ".join(f"u.{one} = t.{one}" for one in key)
        self._key = _picker(columns, key)
        self._statement = text(f"""
WITH u AS MATERIALIZED (SELECT * FROM {_rows(table, columns)} AS r),
written AS (
    {_insert(table, columns, None)} FROM u
    {_on_conflict(columns, key, None, sparse=False)} RETURNING t.{parent}
), gone AS (
    DELETE FROM {table.fullname} t
     WHERE t.connection_id = :connection_id AND t.{parent} = ANY(CAST(:parents AS text[]))
       AND NOT EXISTS (SELECT FROM u WHERE {same})
    RETURNING t.{parent}
)
SELECT {parent} FROM written UNION SELECT {parent} FROM gone
""")  # noqa: S608

    def write(
        self,
        session: Session,
        scope: dict[str, object],
        parents: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
    ) -> list[Any]:
        """Make `rows` the children of `parents`; give the parents for which that changed anything."""
        if not parents:
            return []
        values = {**scope, "parents": list(parents), "rows": _encoded(rows, self._key)}
        return list(session.execute(self._statement, values).all())


def _picker(columns: Sequence[str], key: Sequence[str]) -> Any:
    places = [columns.index(one) for one in key]
    return itemgetter(*places) if places else lambda _: None


def _merged(rows: Sequence[tuple[Any, ...]], key: Any) -> Sequence[tuple[Any, ...]]:
    """Of rows with the same key what any of them says, the last if several do."""
    whole: dict[Any, tuple[Any, ...]] = {}
    for row in rows:
        before = whole.get(key(row), row)
        whole[key(row)] = tuple(old if new is None else new for new, old in zip(row, before, strict=True))
    return list(whole.values())


def _encoded(rows: Sequence[tuple[Any, ...]], key: Any) -> str:
    """The rows as a JSON array of arrays; of rows with the same key the last."""
    last = {key(row): row for row in rows}
    return msgspec.json.encode(list(last.values())).decode()


def _rows(table: Table, columns: Sequence[str]) -> str:
    """A relation with the columns of `table` from the parameter `rows`."""
    casts = ", ".join(
        f"CAST(r ->> {number} AS {table.c[one].type.compile(dialect=DIALECT)}) AS {one}"
        for number, one in enumerate(columns)
    )
    return f"(SELECT {casts} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r)"  # noqa: S608


def _insert(table: Table, columns: Sequence[str], stale: bool | None) -> str:
    """The beginning of the statement, up to its relation `u`."""
    listed, chosen = ", ".join(columns), ", ".join(f"u.{one}" for one in columns)
    name, value = ("", "") if stale is None else (", stale", f", {str(stale).lower()}")
    return (
        f"INSERT INTO {table.fullname} AS t (connection_id, clinic_id, {listed}{name}) "
        f"SELECT :connection_id, :clinic_id, {chosen}{value}"
    )


def _on_conflict(columns: Sequence[str], key: Sequence[str], stale: bool | None, *, sparse: bool) -> str:
    offer = "coalesce(excluded.{0}, t.{0})" if sparse else "excluded.{0}"
    offers = {one: offer.format(one) for one in columns if one not in key}
    sets = [f"{one} = {offer}" for one, offer in offers.items()]
    sets += ["changed_at = now()", "deleted_at = NULL"]
    if stale is not None:
        sets += [f"stale = {str(stale).lower()}", "set_aside_at = NULL"]
    held = ", ".join(f"t.{one}" for one in offers)
    return f"""
ON CONFLICT ({", ".join(("connection_id", *key))}) DO UPDATE SET {", ".join(sets)}
 WHERE t.deleted_at IS NOT NULL OR ({held}) IS DISTINCT FROM ({", ".join(offers.values())})
"""
