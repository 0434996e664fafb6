"""One actor for each message: decode, call the use case, report the outcome."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

import dramatiq

from domain.application import Application
from domain.errors import ServiceError
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
from domain.model.ids import ClinicId, ConnectionId, ReplayId
from workers import queues
from workers.events import read_event
from workers.tracing import continued

Report = Callable[[str, str], None]
"""Takes an actor's name and the outcome of its use case."""

TIME_LIMIT_MS = 300_000
"""Far above what any actor takes with its calls' own timeouts, and far below RabbitMQ's 30 minutes."""

Function = Callable[..., None]

Declare = Callable[[str, str, int], Callable[[Function], Function]]
"""Takes an actor's name, queue and priority; gives the decorator that declares it."""

JOBS: dict[type[Job], tuple[str, str]] = {
    FinishDisconnect: (queues.FINISH_DISCONNECT, queues.TOKENS),
    KeepAlive: (queues.KEEP_ALIVE, queues.TOKENS),
    ErasePayroll: (queues.ERASE_PAYROLL, queues.TOKENS),
    RunSlice: (queues.RUN_SLICE, queues.SYNC),
    WorkReplay: (queues.WORK_REPLAY, queues.CONTROL),
}


def declare_actors(broker: dramatiq.Broker, app: Application, report: Report) -> None:
    """Declare every actor on `broker`; lower priorities go first among what a process has fetched."""
    _declare_events(_declaring(broker), app, report)
    _declare_jobs(_declaring(broker, is_hint=True), app, report)


def _declaring(broker: dramatiq.Broker, *, is_hint: bool = False) -> Declare:
    def actor(name: str, queue: str, priority: int) -> Callable[[Function], Function]:
        def declare(function: Function) -> Function:
            dramatiq.actor(
                broker=broker,
                actor_name=name,
                queue_name=queue,
                priority=priority,
                time_limit=TIME_LIMIT_MS,
                throws=ServiceError,  # in a line: the failure table and the metrics have the rest
                is_hint=is_hint,
            )(function)
            return function

        return declare

    return actor


def _declare_events(actor: Declare, app: Application, report: Report) -> None:
    @actor(queues.COMPLETE_CONNECTION, queues.CONNECT, 0)
    def complete_connection(event: dict[str, Any]) -> None:
        outcome = app.complete_connection(cast("ConnectCompleted", read_event(event)))
        report(queues.COMPLETE_CONNECTION, outcome)

    @actor(queues.DISCONNECT, queues.CONTROL, 0)
    def disconnect(event: dict[str, Any]) -> None:
        report(queues.DISCONNECT, app.disconnect(cast("Disconnect", read_event(event))))

    # No sooner than a slice, or a clinic that asks ten thousand times would stop everybody's.
    @actor(queues.REQUEST_SYNC, queues.CONTROL, 10)
    def request_sync(event: dict[str, Any]) -> None:
        report(queues.REQUEST_SYNC, app.request_sync(cast("SyncRequested", read_event(event))))


def _declare_jobs(actor: Declare, app: Application, report: Report) -> None:
    @actor(queues.FINISH_DISCONNECT, queues.TOKENS, 2)
    def finish_disconnect(clinic_id: str, connection_id: int) -> None:
        job = FinishDisconnect(ClinicId(clinic_id), ConnectionId(connection_id))
        report(queues.FINISH_DISCONNECT, app.finish_disconnect(job))

    @actor(queues.KEEP_ALIVE, queues.TOKENS, 2)
    def keep_alive(clinic_id: str, connection_id: int) -> None:
        outcome = app.keep_alive(KeepAlive(ClinicId(clinic_id), ConnectionId(connection_id)))
        report(queues.KEEP_ALIVE, outcome or "nothing_to_do")

    @actor(queues.ERASE_PAYROLL, queues.TOKENS, 3)
    def erase_payroll(clinic_id: str, connection_id: int) -> None:
        job = ErasePayroll(ClinicId(clinic_id), ConnectionId(connection_id))
        report(queues.ERASE_PAYROLL, app.erase_payroll(job))

    @actor(queues.RUN_SLICE, queues.SYNC, 10)
    def run_slice(clinic_id: str, connection_id: int) -> None:
        job = RunSlice(ClinicId(clinic_id), ConnectionId(connection_id))
        report(queues.RUN_SLICE, app.run_slice(job))

    @actor(queues.WORK_REPLAY, queues.CONTROL, 2)
    def work_replay(clinic_id: str, replay_id: int) -> None:
        job = WorkReplay(ClinicId(clinic_id), ReplayId(replay_id))
        report(queues.WORK_REPLAY, app.work_replay(job))


def job_message(job: Job) -> "dramatiq.Message[Any]":
    """The message that carries a job to its actor: ids only, in the trace that the job is part of."""
    actor, queue = JOBS[type(job)]
    kwargs = asdict(job)
    options = {"traceparent": continued(kwargs.pop("traceparent", None))}
    return dramatiq.Message(queue_name=queue, actor_name=actor, args=(), kwargs=kwargs, options=options)
