"""Everything that something could leak to, as text."""

import json
from pathlib import Path
from typing import Any

import pika

from adapters.postgres.tables import metadata
from deployment.clinic import rows
from deployment.platform import QUEUE, Platform
from deployment.processes import Deployment

READ_BY_THE_PLATFORM = f"queue {QUEUE}"


def of_processes(service: Deployment) -> dict[str, str]:
    """What processes have said to their logs and to their standard output and error."""
    return {f"log {path.name}": path.read_text(errors="replace") for path in service.folder.glob("*.log")}


def of_database(database_url: str) -> dict[str, str]:
    """Every column of every table, bytes in hex; sealed ones too, for what if they were not."""
    found: dict[str, str] = {}
    for table in metadata.sorted_tables:
        names = ", ".join(f'"{column.name}"::text' for column in table.columns)
        held = rows(database_url, f"SELECT {names} FROM {table.fullname}")
        for number, column in enumerate(table.columns):
            found[f"{table.name}.{column.name}"] = "\n".join(str(row[number]) for row in held)
    return found


def of_queues(amqp_url: str, queues: list[str]) -> dict[str, str]:
    """What is left in queues and dead letters: bodies and headers."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        return {f"queue {name}": "\n".join(_drained(connection, name)) for name in queues}


def _drained(connection: Any, queue: str) -> list[str]:
    channel, found = connection.channel(), []
    while (delivery := channel.basic_get(queue, auto_ack=True))[0] is not None:
        _, properties, body = delivery
        found.append(f"{properties.headers} {body.decode(errors='replace')}")
    return found


def of_events(platform: Platform) -> dict[str, str]:
    """What the main platform was told."""
    return {"events": json.dumps(platform.heard)}


def of_folder(name: str, folder: Path) -> dict[str, str]:
    """What a server has written to its disk; by whole paths, as it has files of the same name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {f"{name} {path.relative_to(folder)}": path.read_bytes().decode("latin-1") for path in files}


def since(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Only what was added; other tests have used the same server."""
    return {name: text.removeprefix(before.get(name, "")) for name, text in now.items()}
