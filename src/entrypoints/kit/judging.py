"""What the contract has against a message of the main platform."""

from collections.abc import Collection, Mapping

from adapters.rabbitmq.publisher import CONTENT_TYPE
from domain.errors import UnreadableMessage
from entrypoints.exchange import PERSISTENT, Heard
from entrypoints.kit.programs import ProgramFault
from workers.envelopes import read_message
from workers.queues import ROUTES


def faults_of(heard: Heard, event_type: str, clinic_id: str, earlier_ids: Collection[str]) -> list[str]:
    """
    One line for each fault; none for a message that is as it should be.

    Raises ProgramFault for one that the service refuses.
    """
    try:
        read_message(heard.body, "")
    except UnreadableMessage as error:
        raise ProgramFault(f"the service refuses what was published: {error}") from None
    return [*_on_the_wire(heard), *_as_an_event(heard.document, event_type, clinic_id, earlier_ids)]


def is_for_the_service(heard: Heard) -> bool:
    """Whether a message looks like one of the three events, however wrong it may be."""
    said = (heard.routing_key, str(heard.document.get("type")))
    kinds = [event_type.rsplit(".", 1)[0] for event_type in ROUTES]
    return not heard.routing_key.startswith("allie.xero.") or any(
        one.startswith(kind) for one in said for kind in kinds
    )


def _on_the_wire(heard: Heard) -> list[str]:
    """Faults of the AMQP message around the event."""
    faults = []
    if heard.routing_key != heard.document.get("type"):
        faults.append(f"its routing key is {heard.routing_key!r}, not the event's type")
    if heard.content_type != CONTENT_TYPE:
        faults.append(f"its content type is {heard.content_type!r}, not {CONTENT_TYPE!r}")
    if heard.delivery_mode != PERSISTENT:
        faults.append("it is not persistent (delivery_mode 2): a broker that restarts forgets it")
    return faults


def _as_an_event(
    document: Mapping[str, object], event_type: str, clinic_id: str, earlier_ids: Collection[str]
) -> list[str]:
    faults = []
    data = document["data"]
    if document["type"] != event_type:
        faults.append(f"it is a {document['type']}, where {event_type} was due")
    if isinstance(data, dict) and data.get("clinic_id") != clinic_id:
        faults.append(f"its clinic_id is not {clinic_id!r}")
    if document["id"] in earlier_ids:
        faults.append("its id was used before: the service takes it for a duplicate and does nothing")
    if document.get("time") is None:
        faults.append("it has no time: where a connect and a disconnect cross, the wrong one may win")
    return faults
