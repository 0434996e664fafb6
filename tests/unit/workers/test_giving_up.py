"""An event that is not tried any more: the clinic hears of it from the worker that gives it up."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, cast

import pytest
from dramatiq import Message, MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import TimeLimit

from builders import CLINIC, make_connect, make_dead_letter
from domain.application import Application
from domain.errors import (
    AnswerUnreadable,
    BrokerUnavailable,
    StorageUnavailable,
    WrongTenant,
    XeroUnavailable,
)
from domain.messages import ConnectCompleted, ConnectionChanged, InboundEvent
from domain.model.connection import ConnectionStatus, Reason
from domain.model.ids import EventId
from domain.model.kept_failure import FailureQuery
from domain.model.streams import Resource
from domain.model.sync import ListRequest, Request
from domain.use_cases.dare import dare
from domain.use_cases.record_dead_letter import record_dead_letter
from domain.use_cases.replay_failures import plan_replay
from fakes.service import InMemoryService, make_service
from unit.workers.wire import event
from workers.actors import declare_actors
from workers.envelopes import event_message
from workers.events import read_event
from workers.middleware import CarefulRetries

PAGE = AnswerUnreadable("html")
LAST_TRIES = {PAGE: 20, XeroUnavailable("away"): 1_000, WrongTenant("odd"): 0, KeyError("a bug"): 5}
SETTINGS = ListRequest(Resource.PAYROLL_SETTINGS)


def unavailable(_: InboundEvent) -> None:
    """A use case while the database is away."""
    raise StorageUnavailable("away")


def broken(_: InboundEvent) -> None:
    """A use case with a bug."""
    raise KeyError("a bug")


class Broker(StubBroker):
    """Notes what is tried again, and may refuse it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.retried: list[Message[Any]] = []
        self.is_full = False

    def enqueue(self, message: "Message[Any]", *, delay: int | None = None) -> "Message[Any]":
        assert delay is not None
        if self.is_full:
            raise BrokerUnavailable("full")
        self.retried.append(message)
        return message


class Worker:
    """A worker's middleware and actors, on an application of fakes or what a test has `instead`."""

    def __init__(self, service: InMemoryService, **instead: Callable[[InboundEvent], None]) -> None:
        self.service = service
        self._retries = CarefulRetries()
        self.broker = Broker(middleware=[TimeLimit(), self._retries])
        bound: dict[str, Any] = {one.name: getattr(service, one.name, None) for one in fields(Application)}
        self._retries.app = Application(**{**bound, **instead})
        declare_actors(self.broker, self._retries.app, lambda _actor, _outcome: None)

    def work(self, document: dict[str, Any], *, retries: int) -> MessageProxy:
        """Work a delivery that has been tried so often; give it as it is afterwards."""
        message = MessageProxy(event_message(document))
        message.options["retries"] = retries
        error = None
        try:
            self.broker.get_actor(message.actor_name)(**message.kwargs)
        except Exception as caught:  # noqa: BLE001
            error = caught
        self._retries.after_process_message(self.broker, message, exception=error)
        return message

    @property
    def told(self) -> list[ConnectionChanged]:
        """What the clinic was told."""
        outbox = self.service.database.outbox
        return [one for one in outbox.events if isinstance(one, ConnectionChanged)]


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(make_service())
    yield worker
    worker.broker.close()


def connect(worker: Worker, name: str = "event-1", **attributes: Any) -> dict[str, Any]:
    """A connect-completed whose code Xero knows."""
    grant = worker.service.authorizer.consent("tenant-1")
    words = {"type": "authorization_code", "code": grant.code.reveal(), "redirect_uri": grant.redirect_uri}
    data = {"clinic_id": CLINIC, "grant": words}
    return event("connect-completed", data, id=name, **attributes)


@pytest.mark.parametrize(("error", "tries"), LAST_TRIES.items(), ids=repr)
def test_a_clinic_is_told_at_once_when_its_connect_is_given_up(
    worker: Worker, error: Exception, tries: int
) -> None:
    worker.service.xero.fail(SETTINGS, error)
    assert worker.work(connect(worker), retries=tries).failed
    [told] = worker.told
    assert (told.status, told.reason) == (ConnectionStatus.INCOMPLETE, Reason.CHECK_FAILED)
    assert (told.in_reply_to, told.message) == ("event-1", Reason.CHECK_FAILED.sentence)


def test_a_clinic_whose_consent_is_not_here_is_told_to_connect_again(worker: Worker) -> None:
    worker.service.authorizer.script.fail("exchange", XeroUnavailable("away"))
    assert worker.work(connect(worker), retries=1_000).failed
    assert [one.reason for one in worker.told] == [Reason.CODE_EXPIRED_OR_USED]


@pytest.mark.parametrize("error", [PAGE, XeroUnavailable("away")], ids=repr)
def test_a_connect_that_is_tried_again_is_not_told(worker: Worker, error: Exception) -> None:
    worker.service.xero.fail(SETTINGS, error)
    assert not worker.work(connect(worker), retries=19).failed
    assert (worker.told, len(worker.broker.retried)) == ([], 1)


def test_while_nobody_can_be_told_a_connect_is_not_given_up(worker: Worker) -> None:
    document = connect(worker)
    worker.service.xero.fail(SETTINGS, PAGE, PAGE)
    away = Worker(worker.service, give_up=unavailable)
    assert not away.work(document, retries=20).failed
    assert [one.options["retries"] for one in away.broker.retried] == [21]
    assert worker.work(document, retries=21).failed
    assert len(worker.told) == 1


def test_an_earlier_consent_that_works_goes_on(worker: Worker) -> None:
    worker.service.connect()
    worker.service.xero.fail(SETTINGS, PAGE)
    worker.work(connect(worker), retries=20)
    assert (worker.told[-1].status, worker.told[-1].reason) == (ConnectionStatus.ACTIVE, Reason.CHECK_FAILED)


@pytest.mark.parametrize("kind", ["sync-requested", "disconnect"])
def test_of_another_event_that_is_given_up_the_clinic_is_told_nothing(worker: Worker, kind: str) -> None:
    worker = Worker(worker.service, request_sync=broken, disconnect=broken)
    assert worker.work(event(kind), retries=5).failed
    assert worker.told == []


def test_a_replay_of_what_was_given_up_connects_the_clinic_and_tells_it(worker: Worker) -> None:
    document = connect(worker)
    worker.service.xero.fail(SETTINGS, PAGE)
    worker.work(document, retries=20)
    kept = {**document, "data": {**document["data"], "grant": None}}
    assert worker.service.work_event(kept) == "active"
    assert [(one.status, one.reason) for one in worker.told] == [
        (ConnectionStatus.INCOMPLETE, Reason.CHECK_FAILED),
        (ConnectionStatus.ACTIVE, None),
    ]


def test_a_replay_after_the_clinic_has_connected_again_changes_nothing(worker: Worker) -> None:
    document = connect(worker, time="2026-11-20T02:00:00Z")
    worker.service.xero.fail(SETTINGS, PAGE)
    worker.work(document, retries=20)
    worker.work(connect(worker, "event-2", time="2026-11-20T02:11:00Z"), retries=0)
    before = worker.service.connection()
    kept = {**document, "data": {**document["data"], "grant": None}}
    assert worker.service.work_event(kept) == "superseded"
    assert (before.is_active, worker.service.connection()) == (True, before)
    assert [one.in_reply_to for one in worker.told] == ["event-1", "event-2"]


def test_what_is_given_up_when_the_clinic_has_connected_again_is_not_told(worker: Worker) -> None:
    def connect_again(_: Request) -> None:
        worker.service.xero.meanwhile = lambda _: None
        assert not worker.work(connect(worker, "event-2", time="2026-11-20T02:11:00Z"), retries=0).failed
        raise PAGE

    document = connect(worker, time="2026-11-20T02:00:00Z")
    worker.service.xero.meanwhile = connect_again
    assert worker.work(document, retries=20).failed
    assert [(one.in_reply_to, one.reason) for one in worker.told] == [("event-2", None)]


def test_a_choice_that_is_given_up_can_be_replayed_too(worker: Worker) -> None:
    grant = worker.service.authorizer.consent("tenant-1", "tenant-2")
    worker.service.complete_connection(make_connect(grant))
    worker.service.xero.fail(SETTINGS, PAGE)
    chosen = event("connect-completed", {"clinic_id": CLINIC, "tenant_id": "tenant-1"})
    worker.work(chosen, retries=20)
    assert [one.reason for one in worker.told] == [Reason.CHOOSE_ORGANISATION, Reason.CHECK_FAILED]
    letter = make_dead_letter(is_readable=True, event_id=EventId("event-1"), clinic_id=CLINIC, event=chosen)
    record_dead_letter(letter, transaction=worker.service.transaction)
    plan = plan_replay(FailureQuery(), transaction=worker.service.transaction)
    assert (len(plan.failures), plan.refused) == (1, {})
    assert worker.service.work_event(chosen) == "active"


def test_a_connect_whose_retry_the_broker_refuses_is_told(worker: Worker) -> None:
    worker.service.xero.fail(SETTINGS, PAGE)
    worker.broker.is_full = True
    with pytest.raises(BrokerUnavailable):
        worker.work(connect(worker), retries=0)
    assert [one.reason for one in worker.told] == [Reason.CHECK_FAILED]


def test_a_connect_that_could_not_even_be_begun_is_told(worker: Worker) -> None:
    worker = Worker(worker.service, complete_connection=broken)
    assert worker.work(connect(worker), retries=5).failed
    assert [one.reason for one in worker.told] == [Reason.CODE_EXPIRED_OR_USED]


def test_a_connect_that_kills_its_workers_is_told(worker: Worker) -> None:
    read = cast("ConnectCompleted", read_event(connect(worker)))
    dared = [dare(read, transaction=worker.service.transaction) for _ in range(3)]
    assert dared == [True, True, False]
    assert [one.reason for one in worker.told] == [Reason.CODE_EXPIRED_OR_USED]
