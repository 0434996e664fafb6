"""Events of a clinic in every order of delivery: the order in which they happened is what counts."""

from datetime import timedelta
from itertools import permutations

import pytest

from builders import CLINIC, make_connect, make_disconnect, make_header
from domain.messages import ConnectCompleted, Disconnect
from fakes.service import InMemoryService, make_service

APART = timedelta(seconds=30)
LIVES = ("C", "D", "CD", "DC", "CC", "CDC", "CDCD", "CCD", "DCDC")
"""What a clinic does, in its order: consent, disconnect."""

DELIVERIES = [(life, order) for life in LIVES for order in permutations(range(len(life)))]


def event(service: InMemoryService, kind: str, number: int) -> ConnectCompleted | Disconnect:
    header = make_header(f"{kind}-{number}", time=service.database.now + number * APART)
    if kind == "D":
        return make_disconnect(header=header)
    return make_connect(service.authorizer.consent("tenant-1"), header=header)


def deliver(service: InMemoryService, event: ConnectCompleted | Disconnect) -> None:
    if isinstance(event, Disconnect):
        service.disconnect(event)
    else:
        service.complete_connection(event)


@pytest.mark.parametrize(("life", "order"), DELIVERIES, ids=lambda one: "".join(map(str, one)))
def test_the_last_thing_that_a_clinic_did_is_what_it_is_left_with(life: str, order: tuple[int, ...]) -> None:
    service = make_service()
    events = [event(service, kind, number) for number, kind in enumerate(life)]
    for number in order:
        deliver(service, events[number])
    for number in order:
        deliver(service, events[number])
    connection = service.database.connections.open_for(CLINIC)
    assert (connection is not None and connection.is_active) is life.endswith("C")
    if connection is not None:
        assert connection.consent_event == events[-1].header.id
