from collections.abc import Callable
from datetime import timedelta

import pytest

from builders import CLINIC, make_dead_letter, make_disconnect, make_header, make_request
from domain.errors import BrokerUnavailable, PublishRefused
from domain.messages import ConnectionChanged, Envelope, Job, RunSlice
from domain.model.connection import ConnectionStatus, Reason
from domain.model.failures import FailureState
from domain.model.ids import ClinicId, EventId
from domain.model.streams import Stream
from domain.model.sync import Mode
from domain.use_cases.record_dead_letter import record_dead_letter
from domain.use_cases.relay_outbox import BATCH, relay_outbox
from domain.use_cases.request_sync import RequestOutcome
from domain.use_cases.schedule_due_work import schedule_due_work
from fakes.service import InMemoryService, make_service


@pytest.fixture
def service() -> InMemoryService:
    service = make_service()
    service.connect()
    return service


def told(service: InMemoryService) -> ConnectionChanged:
    event = service.database.outbox.events[-1]
    assert isinstance(event, ConnectionChanged)
    return event


def test_a_wish_is_queued_and_a_second_is_merged(service: InMemoryService) -> None:
    service.slice()
    assert service.request_sync(make_request()) is RequestOutcome.QUEUED
    assert service.request_sync(make_request(mode=Mode.FULL)) is RequestOutcome.MERGED
    assert service.due() == [RunSlice(CLINIC, service.connection().id)]
    sync = service.database.syncs.queued[service.connection().id]
    assert (sync.mode, sync.streams) == (Mode.FULL, frozenset(Stream))


def test_the_same_wish_ten_times_has_one_effect(service: InMemoryService) -> None:
    service.slice()
    event = make_request()
    outcomes = [service.request_sync(event) for _ in range(10)]
    assert outcomes == [RequestOutcome.QUEUED] + [RequestOutcome.DUPLICATE] * 9


def test_a_wish_of_a_clinic_that_is_not_connected_is_told() -> None:
    service = make_service()
    event = make_request(clinic_id=ClinicId("unknown"), header=make_header("wish"))
    assert service.request_sync(event) is RequestOutcome.UNKNOWN_CLINIC
    assert (told(service).reason, told(service).in_reply_to) == (Reason.NOT_CONNECTED, "wish")
    assert service.request_sync(event) is RequestOutcome.DUPLICATE


def test_a_wish_of_a_clinic_that_has_disconnected_is_told(service: InMemoryService) -> None:
    service.disconnect(make_disconnect())
    assert service.request_sync(make_request()) is RequestOutcome.UNKNOWN_CLINIC
    assert told(service).status is ConnectionStatus.DISCONNECTED


def test_a_wish_of_a_clinic_that_must_act_first_is_told_what_to_do(service: InMemoryService) -> None:
    with service.database.transaction(CLINIC) as stores:
        stores.connections.save(service.connection().needing_attention(Reason.PAYROLL_UNAVAILABLE))
    assert service.request_sync(make_request()) is RequestOutcome.REFUSED
    assert told(service).reason is Reason.PAYROLL_UNAVAILABLE
    assert told(service).message == Reason.PAYROLL_UNAVAILABLE.sentence


def fill_outbox(service: InMemoryService, count: int) -> list[EventId]:
    service.database.outbox.unsent.clear()
    for number in range(count):
        service.disconnect(make_disconnect(clinic_id=ClinicId(f"clinic-{number}")))
    return list(service.database.outbox.unsent)


def relay(service: InMemoryService, publish: Callable[[Envelope], None]) -> int:
    return relay_outbox(transaction=service.transaction, publish=publish, clock=service.database.clock)


class Broker:
    """Takes events, or refuses some of them, or goes away at one of them."""

    def __init__(self, *, refused: tuple[EventId, ...] = (), gone_at: EventId | None = None) -> None:
        self.taken: list[EventId] = []
        self.refused = refused
        self.gone_at = gone_at

    def publish(self, envelope: Envelope) -> None:
        if envelope.id == self.gone_at:
            raise BrokerUnavailable("gone")
        if envelope.id in self.refused:
            raise PublishRefused("nobody listens")
        self.taken.append(envelope.id)


def test_events_are_handed_over_oldest_first_and_once(service: InMemoryService) -> None:
    ids = fill_outbox(service, 3)
    broker = Broker()
    assert relay(service, broker.publish) == 3
    assert relay(service, broker.publish) == 0
    assert broker.taken == ids


def test_more_than_a_batch_takes_more_than_one_turn(service: InMemoryService) -> None:
    ids = fill_outbox(service, BATCH + 5)
    broker = Broker()
    assert relay(service, broker.publish) == BATCH
    assert relay(service, broker.publish) == 5
    assert broker.taken == ids


def test_what_a_slow_broker_has_confirmed_is_kept_before_the_transaction_is_too_long(
    service: InMemoryService,
) -> None:
    ids = fill_outbox(service, 25)
    broker = Broker()

    def slowly(envelope: Envelope) -> None:
        broker.publish(envelope)
        service.database.pass_time(timedelta(seconds=1))

    assert [relay(service, slowly) for _ in range(3)] == [10, 10, 5]
    assert broker.taken == ids


def test_an_event_that_nobody_takes_lets_the_others_pass_and_is_tried_again(service: InMemoryService) -> None:
    ids = fill_outbox(service, 3)
    broker = Broker(refused=(ids[1],))
    assert relay(service, broker.publish) == 2
    assert relay(service, broker.publish) == 0
    broker.refused = ()
    service.database.pass_time(timedelta(minutes=1))
    assert relay(service, broker.publish) == 1
    assert broker.taken == [ids[0], ids[2], ids[1]]


def test_a_broker_that_goes_away_keeps_what_it_has_confirmed(service: InMemoryService) -> None:
    ids = fill_outbox(service, 3)
    broker = Broker(gone_at=ids[1])
    with pytest.raises(BrokerUnavailable):
        relay(service, broker.publish)
    broker.gone_at = None
    assert relay(service, broker.publish) == 2
    assert broker.taken == ids


def test_a_crash_before_the_commit_sends_an_event_again_under_the_same_id(service: InMemoryService) -> None:
    ids = fill_outbox(service, 2)
    broker = Broker()

    def crash_after_the_second(envelope: Envelope) -> None:
        broker.publish(envelope)
        if len(broker.taken) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        relay(service, crash_after_the_second)
    assert relay(service, broker.publish) == 2
    assert broker.taken == ids + ids


def test_due_work_is_sent_after_its_claim_is_committed(service: InMemoryService) -> None:
    sent: list[Job] = []

    def send(job: Job) -> None:
        with service.database.transaction(None):  # would fail inside the claim's own transaction
            sent.append(job)

    assert schedule_due_work(transaction=service.transaction, send=send) == 1
    assert sent == [RunSlice(CLINIC, service.connection().id)]
    assert schedule_due_work(transaction=service.transaction, send=send) == 0


def test_a_message_that_could_not_be_sent_is_sent_a_minute_later(service: InMemoryService) -> None:
    def refuse(_job: Job) -> None:
        raise BrokerUnavailable("gone")

    with pytest.raises(BrokerUnavailable):
        schedule_due_work(transaction=service.transaction, send=refuse)
    assert service.due() == []
    service.database.pass_time(timedelta(seconds=61))
    assert len(service.due()) == 1


def test_periodic_looks_are_queued_on_the_way(service: InMemoryService) -> None:
    service.slice()
    service.due()
    service.database.pass_time(timedelta(hours=2))
    assert service.due() == [RunSlice(CLINIC, service.connection().id)]
    assert service.database.syncs.queued[service.connection().id].requested_by == "schedule"


def test_a_dead_letter_is_kept_as_a_failure_without_its_content(service: InMemoryService) -> None:
    letter = make_dead_letter(
        is_readable=True,
        code="gave_up",
        type="allie.xero.disconnect.v1",
        event_id=EventId("event-1"),
        clinic_id=CLINIC,
    )
    record_dead_letter(letter, transaction=service.transaction)
    [kept] = service.database.failures.kept
    assert (kept.failure.state, kept.failure.error) == (FailureState.FAILED, "gave_up")
    assert (kept.failure.place, kept.failure.subject) == ("allie.xero.disconnect.v1", "event-1")
    assert kept.failure.context == {"queue": letter.queue, "digest": letter.digest, "size": "12"}


def test_a_letter_that_nobody_can_read_is_quarantined_by_its_digest(service: InMemoryService) -> None:
    letter = make_dead_letter(where="$.data.clinic_id")
    record_dead_letter(letter, transaction=service.transaction)
    [kept] = service.database.failures.kept
    assert kept.failure.state is FailureState.QUARANTINED
    assert kept.failure.context["where"] == "$.data.clinic_id"
    assert (kept.failure.place, kept.failure.subject) == ("queue:allie-xero.connect", letter.digest)
    assert kept.failure.clinic_id is None


def test_the_same_letter_again_is_another_attempt(service: InMemoryService) -> None:
    for _ in range(3):
        record_dead_letter(make_dead_letter(), transaction=service.transaction)
    assert [kept.attempts for kept in service.database.failures.kept] == [3]
