"""Events and messages as they are on the wire."""

from typing import Any

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def event(
    kind: str = "connect-completed", data: dict[str, Any] | None = None, **attributes: Any
) -> dict[str, Any]:
    """A CloudEvent; attributes given as None are left out."""
    document = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "allie-platform",
        "type": f"allie.xero.{kind}.v1",
        "data": {"clinic_id": "clinic-1"} if data is None else data,
        **attributes,
    }
    return {name: value for name, value in document.items() if value is not None}


def native(**fields: Any) -> dict[str, Any]:
    """One of dramatiq's own messages."""
    return {
        "queue_name": "allie-xero.sync",
        "actor_name": "sync.slice",
        "args": [],
        "kwargs": {"clinic_id": "clinic-1", "connection_id": 1},
        "options": {},
        "message_id": "message-1",
        "message_timestamp": 1_795_143_600_000,
        **fields,
    }
