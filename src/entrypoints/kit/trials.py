"""What a consumer must bear: everything this service may send, now or within version 1."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from domain.messages import ConnectionChanged, SyncFinished
from entrypoints.contract.examples import EXAMPLES
from workers.queues import ROUTES

NEW = {"a_field_of_tomorrow": {"deeply": ["nested", None, 1]}}
SENT = [one for one in EXAMPLES if one.event not in ROUTES]


@dataclass(frozen=True, slots=True)
class Trial:
    """An event for the consumer, how often it comes, and whether it must be worked."""

    name: str
    document: dict[str, Any]
    times: int = 1
    is_bound: bool = True


def trials(clinic_id: str) -> Iterator[Trial]:
    """Every published example, twice; additions that version 1 allows; a crossing; another version."""
    number = 0
    for example in SENT:
        number += 1
        yield Trial(
            f"the example {example.name}, twice", _event(example.document, clinic_id, number), times=2
        )
    for example in SENT:
        number += 1
        document = _event(example.document, clinic_id, number)
        yield Trial(f"{example.name} with fields nobody knows", _grown(document))
    connection = _example(ConnectionChanged.type)
    tomorrow = _event(connection, clinic_id, number + 2)
    tomorrow["data"] |= {"status": "incomplete", "reason": "a_reason_of_tomorrow", "message": "Please wait."}
    yield Trial("a reason nobody knows", tomorrow)
    yield Trial("an older event that comes late", _event(connection, clinic_id, number + 1))
    finished = _event(_example(SyncFinished.type), clinic_id, number + 3)
    result = next(iter(finished["data"]["streams"].values()))
    finished["data"]["streams"]["a_stream_of_tomorrow"] = {**result, "fault": "a_fault_of_tomorrow"}
    yield Trial("a stream and a fault nobody knows", finished)
    later = _event(connection, clinic_id, number + 4) | {"type": f"{ConnectionChanged.type[:-1]}2"}
    later["data"] = {"everything": "differs"}
    yield Trial("another version", later, is_bound=False)
    yield Trial("an event after all of that", _event(connection, clinic_id, number + 5))


def _example(event_type: str) -> dict[str, Any]:
    return next(one.document for one in SENT if one.event == event_type)


def _event(document: dict[str, Any], clinic_id: str, number: int) -> dict[str, Any]:
    """A copy of an example, as a new event of a clinic."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    copy |= {"id": str(uuid4()), "subject": clinic_id, "sequence": f"{number:020d}"}
    copy["data"]["clinic_id"] = clinic_id
    return copy


def _grown(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "anattributeoftomorrow": "x", "data": {**document["data"], **NEW}}
