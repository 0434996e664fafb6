"""A careless platform: `publish` gets events wrong, `listen` bears nothing new and dedupes nothing."""

import json
import os
import sys
from contextlib import closing
from typing import Any

import pika

EXCHANGE = "allie.events"
KINDS = {"consented": "connect-completed", "asked_for_data": "sync-requested", "disconnected": "disconnect"}
TYPES = ("connection-changed", "sync-finished", "payroll-changed", "payroll-erased")


def publish(channel: Any) -> None:
    """Wrongly wrapped, without a time; two where one is due; unreadable; under another name."""
    happened = json.load(sys.stdin)
    names = ("code", "redirect_uri", "code_verifier")
    grant = {name: happened.pop(name) for name in names if name in happened}
    event = {
        "specversion": "1.0",
        "id": f"{happened['clinic_id']}:{happened['what']}",
        "source": "careless",
        "type": f"allie.xero.{KINDS[happened['what']]}.v1",
        "data": {**happened, **({"grant": {"type": "authorization_code", **grant}} if grant else {})},
    }
    if happened["what"] == "asked_for_data":
        event["data"] = {"clinic": "wrong"}
    channel.confirm_delivery()
    for _ in range(2 if happened["what"] == "disconnected" else 1):
        channel.basic_publish(EXCHANGE, event["type"], json.dumps(event).encode())


def listen(channel: Any) -> None:
    """Prints the id of all that comes, each time; ends at the first thing that it does not know."""
    channel.queue_declare("careless", exclusive=True)
    for kind in TYPES:
        channel.queue_bind("careless", EXCHANGE, f"allie.xero.{kind}.*")
    say("ready")
    for method, _, body in channel.consume("careless"):
        event = json.loads(body)
        if "a_field_of_tomorrow" in event["data"]:
            sys.exit(7)
        say(event["id"])
        channel.basic_ack(method.delivery_tag)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with closing(pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))) as connection:
        {"publish": publish, "listen": listen}[sys.argv[1]](connection.channel())
