"""
What the main platform publishes, with pika and nothing of this service.

One JSON object on standard input says what has happened; AMQP_URL says where the broker is:

    echo '{"what": "asked_for_data", "clinic_id": "clinic-17"}' | AMQP_URL=amqp://localhost python producer.py
"""

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pika

EXCHANGE = "allie.events"
SOURCE = "allie-platform"


def event_of(happened: dict[str, Any]) -> dict[str, Any]:
    """The event for something that happened in the platform."""
    match happened["what"]:
        case "consented":  # Xero has sent the clinic back to us, and `state` was ours
            grant = {"type": "authorization_code", **_some(happened, "code", "redirect_uri", "code_verifier")}
            return _event("connect-completed", happened, grant=grant)
        case "chose":  # one of the `choices` of a connection-changed
            return _event("connect-completed", happened, tenant_id=happened["tenant_id"])
        case "asked_for_data":
            return _event("sync-requested", happened, **_some(happened, "streams", "mode"))
        case "disconnected":
            return _event("disconnect", happened, **_some(happened, "erase"))
        case other:
            raise SystemExit(f"nothing to publish for {other!r}")


def _event(kind: str, happened: dict[str, Any], **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),  # new for every event; to send it again, send the same bytes
        "source": SOURCE,
        "type": f"allie.xero.{kind}.v1",
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"clinic_id": happened["clinic_id"], **_some(happened, "requested_by"), **data},
    }


def _some(happened: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: happened[name] for name in names if name in happened}


def publish(url: str, event: dict[str, Any]) -> None:
    """Persistent, and confirmed; raises UnroutableError where the service has never been started."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        channel.confirm_delivery()
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, message_id=event["id"]
        )
        channel.basic_publish(EXCHANGE, event["type"], json.dumps(event).encode(), properties, mandatory=True)
    finally:
        connection.close()


if __name__ == "__main__":
    made = event_of(json.load(sys.stdin))
    publish(os.environ["AMQP_URL"], made)
    print(made["id"])
