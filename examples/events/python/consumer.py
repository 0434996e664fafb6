"""
What the main platform hears, with pika and nothing of this service.

AMQP_URL says where the broker is, QUEUE which queue to use, STATE in which file to remember. Prints `ready`
when it listens, then a line for every event that it has worked: the event's id, and what was done.
"""

import json
import os
import signal
import sqlite3
import sys
from typing import Any

import pika

EXCHANGE = "allie.events"
TYPES = [
    f"allie.xero.{kind}.v1"
    for kind in ("connection-changed", "sync-finished", "payroll-changed", "payroll-erased")
]
TABLES = """
CREATE TABLE IF NOT EXISTS worked (event_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS clinic (clinic_id TEXT PRIMARY KEY, status TEXT, message TEXT, sequence TEXT);
"""


def work(database: sqlite3.Connection, event: dict[str, Any]) -> str | None:
    """The effect of an event and the note that it was worked, in one transaction; None for a duplicate."""
    with database:
        try:
            database.execute("INSERT INTO worked VALUES (?)", [event["id"]])
        except sqlite3.IntegrityError:
            return None
        return _effect(database, event)


def _effect(database: sqlite3.Connection, event: dict[str, Any]) -> str:
    data = event["data"]
    match event["type"].split(".")[2]:
        case "connection-changed":
            return _connection(database, event)
        case "sync-finished":
            done = f"{data['backfill_percent']} % of the details are here"
            return f"{data['clinic_id']}: {data['mode']} is over, {done}"
        case "payroll-changed":
            changed = f"{len(data['pay_runs'])} pay runs, {len(data['employees'])} employees"
            return f"{data['clinic_id']}: read {changed} again from allie_xero_read"
        case _:
            return f"{data['clinic_id']}: drop what came from {data['tenant_id']}"


def _connection(database: sqlite3.Connection, event: dict[str, Any]) -> str:
    """Keep what the newest event of the clinic says; `sequence` compares as text, arrival tells nothing."""
    data = event["data"]
    kept = database.execute(
        "INSERT INTO clinic VALUES (?, ?, ?, ?) ON CONFLICT (clinic_id) DO UPDATE SET"
        " status = excluded.status, message = excluded.message, sequence = excluded.sequence"
        " WHERE excluded.sequence > clinic.sequence",
        [data["clinic_id"], data["status"], data["message"], event["sequence"]],
    )
    if kept.rowcount == 0:
        return f"{data['clinic_id']}: older than what we know"
    return f"{data['clinic_id']}: {data['status']} {data['message'] or ''}".rstrip()


def main() -> None:
    """Listen until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    database = sqlite3.connect(os.environ.get("STATE", ":memory:"))
    database.executescript(TABLES)
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
    queue = os.environ.get("QUEUE", "allie.platform")
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    for event_type in TYPES:
        channel.queue_bind(queue, EXCHANGE, event_type)
    channel.basic_qos(prefetch_count=16)

    def hear(_: Any, method: Any, __: Any, body: bytes) -> None:
        event = json.loads(body)
        done = work(database, event)
        if done is not None:
            print(event["id"], done, flush=True)
        channel.basic_ack(method.delivery_tag)  # after the commit: a crash before it only brings it again

    channel.basic_consume(queue, hear)
    print("ready", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    main()
