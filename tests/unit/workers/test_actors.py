from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import TimeLimit

from builders import CLINIC
from domain.application import Application
from domain.errors import Fenced, XeroUnavailable
from domain.messages import (
    ConnectCompleted,
    Disconnect,
    ErasePayroll,
    FinishDisconnect,
    Job,
    KeepAlive,
    RunSlice,
    SyncRequested,
    WorkReplay,
)
from domain.model.ids import ConnectionId, ReplayId
from unit.workers.wire import event
from workers.actors import JOBS, declare_actors, job_message
from workers.envelopes import event_message
from workers.middleware import CarefulRetries
from workers.queues import (
    COMPLETE_CONNECTION,
    DISCONNECT,
    ERASE_PAYROLL,
    FINISH_DISCONNECT,
    KEEP_ALIVE,
    QUEUES,
    REQUEST_SYNC,
    ROUTES,
    RUN_SLICE,
    WORK_REPLAY,
)

ID = ConnectionId(7)
EVENTS = {
    "connection.complete": (ConnectCompleted, event("connect-completed"), "complete_connection"),
    "connection.disconnect": (Disconnect, event("disconnect"), "disconnect"),
    "sync.request": (SyncRequested, event("sync-requested"), "request_sync"),
}
WORK: dict[str, tuple[Job, str]] = {
    "connection.finish": (FinishDisconnect(CLINIC, ID), "finish_disconnect"),
    "tokens.keep_alive": (KeepAlive(CLINIC, ID), "keep_alive"),
    "payroll.erase": (ErasePayroll(CLINIC, ID), "erase_payroll"),
    "sync.slice": (RunSlice(CLINIC, ID), "run_slice"),
    "replay.work": (WorkReplay(CLINIC, ReplayId(7)), "work_replay"),
}


class Recorded:
    """An application whose use cases note what they get, and end as a test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.reports: list[tuple[str, str]] = []
        self.outcome: Any = "an outcome"

    def application(self) -> Application:
        bound: dict[str, Any] = {one.name: self._use_case(one.name) for one in fields(Application)}
        return Application(**bound)

    def report(self, actor: str, outcome: str) -> None:
        self.reports.append((actor, outcome))

    def _use_case(self, name: str) -> Callable[[object], object]:
        def run(given: object) -> object:
            self.calls.append((name, given))
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return self.outcome

        return run


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def broker(recorded: Recorded) -> Iterator[StubBroker]:
    broker = StubBroker(middleware=[TimeLimit(), CarefulRetries()])
    declare_actors(broker, recorded.application(), recorded.report)
    yield broker
    broker.flush_all()
    broker.close()


def call(broker: StubBroker, message: "dramatiq.Message[Any]") -> None:
    """Call an actor as a plain function."""
    broker.get_actor(message.actor_name)(*message.args, **message.kwargs)


@pytest.mark.parametrize("actor", EVENTS)
def test_an_actor_of_an_event_hands_it_to_its_use_case(
    broker: StubBroker, recorded: Recorded, actor: str
) -> None:
    kind, document, use_case = EVENTS[actor]
    call(broker, event_message(document))
    [(called, given)] = recorded.calls
    assert called == use_case
    assert isinstance(given, kind)
    assert recorded.reports == [(actor, "an outcome")]


@pytest.mark.parametrize("actor", WORK)
def test_an_actor_of_a_job_hands_it_to_its_use_case(
    broker: StubBroker, recorded: Recorded, actor: str
) -> None:
    job, use_case = WORK[actor]
    call(broker, job_message(job))
    assert recorded.calls == [(use_case, job)]
    assert recorded.reports == [(actor, "an outcome")]


@pytest.mark.parametrize("error", [XeroUnavailable("away"), Fenced("ended"), ValueError("a bug")])
def test_an_actor_leaves_errors_to_the_middleware_and_reports_no_outcome(
    broker: StubBroker, recorded: Recorded, error: Exception
) -> None:
    recorded.outcome = error
    for message in [*map(event_message, _documents()), *(job_message(job) for job, _ in WORK.values())]:
        with pytest.raises(type(error)):
            call(broker, message)
    assert recorded.reports == []


def _documents() -> list[dict[str, Any]]:
    return [document for _, document, _ in EVENTS.values()]


def test_a_keep_alive_of_nothing_is_reported_as_such(broker: StubBroker, recorded: Recorded) -> None:
    recorded.outcome = None
    call(broker, job_message(KeepAlive(CLINIC, ID)))
    assert recorded.reports == [("tokens.keep_alive", "nothing_to_do")]


def test_every_actor_is_declared_on_the_queue_that_its_messages_go_to(broker: StubBroker) -> None:
    routes = {route.actor: route.queue for route in ROUTES.values()} | dict(JOBS.values())
    assert {actor.actor_name: actor.queue_name for actor in broker.actors.values()} == routes
    assert set(routes.values()) == set(QUEUES)


def test_jobs_are_hints_and_events_are_not(broker: StubBroker) -> None:
    hints = {name for name, actor in broker.actors.items() if actor.options["is_hint"]}
    assert hints == set(WORK)


def test_a_process_works_what_people_wait_for_first(broker: StubBroker) -> None:
    declared = {name: actor.priority for name, actor in broker.actors.items()}
    assert declared == {
        COMPLETE_CONNECTION: 0,
        DISCONNECT: 0,
        FINISH_DISCONNECT: 2,
        KEEP_ALIVE: 2,
        WORK_REPLAY: 2,
        ERASE_PAYROLL: 3,
        REQUEST_SYNC: 10,
        RUN_SLICE: 10,
    }
    waited_for = {declared.pop(name) for name in (COMPLETE_CONNECTION, DISCONNECT)}
    assert max(waited_for) < min(declared.values()), "dramatiq works lower numbers sooner"


def test_a_flood_of_wishes_goes_before_nobodys_slice(broker: StubBroker) -> None:
    assert broker.get_actor(REQUEST_SYNC).priority == broker.get_actor(RUN_SLICE).priority


def test_every_actor_is_bounded_in_time(broker: StubBroker) -> None:
    assert {actor.options["time_limit"] for actor in broker.actors.values()} == {300_000}


@pytest.mark.parametrize("name", [*EVENTS, *WORK])
def test_a_message_reaches_its_use_case_through_a_worker(
    broker: StubBroker, recorded: Recorded, name: str
) -> None:
    message = event_message(EVENTS[name][1]) if name in EVENTS else job_message(WORK[name][0])
    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    try:
        broker.enqueue(message)
        broker.join(message.queue_name, timeout=5_000)
        worker.join()
    finally:
        worker.stop()
    assert [actor for actor, _ in recorded.reports] == [name]
    assert broker.dead_letters == []
