"""How commands speak: tables and plain words to people, JSON to programs, complaints to stderr."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

UNCUT = 10_000
"""Wider than any line: what is cut or folded cannot be copied, and a pipe has no width at all."""

console = Console(highlight=False, width=UNCUT)
errors = Console(stderr=True, highlight=False)


def complain(first: str, *rest: str) -> None:
    """Say what is wrong."""
    errors.print(f"[bold red]{first}[/]" if rest else first, soft_wrap=True)
    for line in rest:
        errors.print(f"  {line}", soft_wrap=True, markup=False)


def print_json(value: object) -> None:
    """One JSON document."""
    console.print_json(json.dumps(value, default=_plain))


def _plain(value: object) -> str:
    """An instant as jq's fromdate and everybody else reads it: ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table of plain values; numbers to the right."""
    drawn = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        numeric = all(isinstance(row[number], int | float) for row in rows) and bool(rows)
        drawn.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        drawn.add_row(*(shown(value) for value in row))
    return drawn


def shown(value: object) -> str:
    """A value as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%d %b %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(one)}" for key, one in value.items())
    return str(value)


def print_rows(title: str, columns: Sequence[str], records: Sequence[Mapping[str, Any]], none: str) -> None:
    """Records as a table; or, where there are none, a sentence."""
    console.print(table(title, columns, rows_of(records, *columns)) if records else none)


def counted(count: int, what: str) -> str:
    """How many of something there are."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def kilobytes(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / 1000:,.0f} kB" if count >= 10_000 else f"{count / 1000:,.1f} kB"  # noqa: PLR2004


def rows_of(records: Sequence[Mapping[str, Any]], *keys: str) -> list[list[object]]:
    """The values of some keys, record by record."""
    return [[record[key] for key in keys] for record in records]
