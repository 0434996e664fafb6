"""Publish outbound events, each confirmed by the broker before it counts as sent."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
import pika
from msgspec import UNSET, Meta, UnsetType
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, NackError, UnroutableError

from adapters.rabbitmq.closing import let_go
from domain.errors import BrokerUnavailable, PublishRefused
from domain.messages import Envelope

EXCHANGE = "allie.events"
SOURCE: Final = "allie-xero"
CONTENT_TYPE = "application/cloudevents+json"
PERSISTENT = 2


class EventPublisher:
    """
    Publishes to the topic exchange, with the event's type as routing key.

    One connection, made when it is needed and again after it was lost; for one thread. An event that no queue
    is bound for is refused rather than dropped, and stays in the outbox.
    """

    def __init__(self, url: str, *, published: Callable[[str], None] = lambda _: None) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.blocked_connection_timeout = 30
        self._channel: BlockingChannel | None = None
        self._published = published

    def publish(self, envelope: Envelope) -> None:
        """Send one event and wait for its confirmation. Raises PublishRefused or BrokerUnavailable."""
        try:
            self._open_channel().basic_publish(
                exchange=EXCHANGE,
                routing_key=envelope.type,
                body=cloud_event(envelope),
                properties=pika.BasicProperties(
                    content_type=CONTENT_TYPE,
                    delivery_mode=PERSISTENT,
                    message_id=envelope.id,
                    type=envelope.type,
                    app_id=SOURCE,
                ),
                mandatory=True,
            )
        except UnroutableError:
            self._published("returned")
            raise PublishRefused(f"no queue is bound for {envelope.type}") from None
        except NackError:
            self._published("nacked")
            raise PublishRefused("the broker would not take the event") from None
        except (AMQPError, OSError) as error:
            self._published("error")
            self.close()
            raise BrokerUnavailable(f"the broker is away ({type(error).__name__})") from None
        self._published("confirmed")

    def close(self) -> None:
        """Let go of the connection."""
        channel, self._channel = self._channel, None
        let_go(channel)

    def _open_channel(self) -> BlockingChannel:
        if self._channel is None or self._channel.is_closed:
            channel = pika.BlockingConnection(self._parameters).channel()
            channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
            channel.confirm_delivery()
            self._channel = channel
        return self._channel


class CloudEvent(msgspec.Struct, kw_only=True):
    """
    CloudEvents 1.0's structured JSON (https://github.com/cloudevents/spec), with two of its extensions.

    Attributes:
        specversion: of CloudEvents.
        id: unique; an event that comes twice bears the same.
        source: this service.
        type: also the routing key.
        subject: the clinic's id.
        time: when it was written, UTC.
        datacontenttype: of `data`.
        sequence: compares as text; rises with every event of a clinic, with gaps.
        traceparent: W3C Trace Context, of the event that this answers or of our own; absent if there is none.
        data: what happened.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: Literal["allie-xero"] = SOURCE
    type: str
    subject: str
    time: Annotated[datetime, Meta(tz=True)]
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Annotated[str, Meta(pattern=r"^[0-9]{20}$")]
    traceparent: str | UnsetType = UNSET
    data: Mapping[str, Any]


def cloud_event(envelope: Envelope) -> bytes:
    """An event as it leaves."""
    document = CloudEvent(
        id=envelope.id,
        type=envelope.type,
        subject=envelope.clinic_id,
        time=envelope.at,
        sequence=f"{envelope.sequence:020d}",
        traceparent=envelope.traceparent or UNSET,
        data=envelope.data,
    )
    return msgspec.json.encode(document)
