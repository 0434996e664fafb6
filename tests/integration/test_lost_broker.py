"""A connection to the broker that is lost while nobody looks, as in a deploy during an outage."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.rabbitmq.dead_letters import DeadLetters
from adapters.rabbitmq.depths import QueueDepths
from adapters.rabbitmq.publisher import EventPublisher
from domain.errors import PublishRefused
from domain.messages import Envelope
from domain.model.ids import ClinicId, EventId
from services.proxy import proxied

EVENT = Envelope(
    id=EventId("1"),
    type="allie.xero.nobodys.v1",
    clinic_id=ClinicId("c"),
    at=datetime(2026, 1, 1, tzinfo=UTC),
    data={},
    sequence=1,
)


def publisher(url: str) -> tuple[Any, Callable[[], object]]:
    one = EventPublisher(url)

    def publish() -> None:
        with suppress(PublishRefused):
            one.publish(EVENT)

    return one, publish


def depths(url: str) -> tuple[Any, Callable[[], object]]:
    one = QueueDepths(url, ["no such queue"])
    return one, one.read


def dead_letters(url: str) -> tuple[Any, Callable[[], object]]:
    one = DeadLetters(url, ["no such queue"])
    return one, lambda: list(one.take(1))


@pytest.mark.parametrize("client", [publisher, depths, dead_letters])
def test_what_was_lost_unnoticed_can_be_let_go_of_and_opened_anew(
    vhost_url: str, client: Callable[[str], tuple[Any, Callable[[], object]]]
) -> None:
    with proxied(vhost_url) as (cable, url):
        one, ask = client(url)
        ask()
        cable.cut()
        one.close()
        ask()
        assert cable.connections == 1
        one.close()
