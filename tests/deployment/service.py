"""The service without processes: its use cases, its database and its Xero, called in turn."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from adapters.crypto.generation import new_document
from deployment.clinic import grant
from domain.application import Application
from domain.messages import (
    ConnectCompleted,
    Disconnect,
    ErasePayroll,
    FinishDisconnect,
    InboundEvent,
    Job,
    KeepAlive,
    RunSlice,
    SyncRequested,
    WorkReplay,
)
from entrypoints.bootstrap import build_application
from entrypoints.metrics import Metrics
from entrypoints.settings import load
from simulator.client import CLIENT_ID, CLIENT_SECRET, Control, Organisation
from workers.events import read_event

EVENTS = {kind.type: kind for kind in (ConnectCompleted, SyncRequested, Disconnect)}


@dataclass
class ServiceInProcess:
    """What the actors would call, called here."""

    app: Application
    metrics: Metrics
    clinic: str = "clinic-1"
    outcomes: list[str] = field(default_factory=list)

    def publish(self, kind: str, **data: Any) -> str:
        """Work one event of `allie.xero.<kind>.v1`, and give the outcome."""
        document = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "test",
            "type": f"allie.xero.{kind}.v1",
            "data": {"clinic_id": self.clinic, **data},
        }
        return self._worked(read_event(document))

    def _worked(self, event: InboundEvent) -> str:
        match event:
            case ConnectCompleted():
                return self.app.complete_connection(event)
            case SyncRequested():
                return self.app.request_sync(event)
            case Disconnect():
                return self.app.disconnect(event)

    def connect(self, control: Control, organisation: Organisation) -> None:
        """Consent and complete the connection."""
        assert self.publish("connect-completed", grant=grant(control, organisation)) == "active"

    def work(self, *, rounds: int = 200) -> int:
        """Work everything that is due until nothing is; gives how many jobs that was."""
        worked = 0
        for _ in range(rounds):
            jobs: list[Job] = []
            self.app.schedule_due_work(jobs.append)
            if not jobs:
                return worked
            for job in jobs:
                self.outcomes.append(str(self.run(job)))
                worked += 1
        raise AssertionError(f"still work to do after {rounds} rounds: {self.outcomes[-10:]}")

    def run(self, job: Job) -> object:
        """Work one job."""
        run: dict[type, Callable[[Any], object]] = {
            RunSlice: self.app.run_slice,
            KeepAlive: self.app.keep_alive,
            FinishDisconnect: self.app.finish_disconnect,
            ErasePayroll: self.app.erase_payroll,
            WorkReplay: self.app.work_replay,
        }
        return run[type(job)](job)


def environment_of(database_url: str, xero_url: str, **more: str) -> dict[str, str]:
    """What a process of this service is told of where it runs; nothing listens at its broker."""
    return {
        "ALLIE_XERO_ENVIRONMENT": "test",
        "ALLIE_XERO_KEYRING": json.dumps(new_document()),
        "ALLIE_XERO_THREADS": "4",
        "DATABASE_URL": database_url,
        "AMQP_URL": "amqp://nobody",
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "XERO_IDENTITY_URL": xero_url,
        "XERO_API_URL": xero_url,
        **more,
    }


@contextmanager
def in_process(database_url: str, xero_url: str, **more: str) -> Iterator[ServiceInProcess]:
    """The service's use cases on real adapters."""
    metrics = Metrics()
    with ExitStack() as closing:
        app = build_application(
            load(environment_of(database_url, xero_url, **more)),
            metrics=metrics,
            stopping=lambda: False,
            process="test",
            closing=closing,
        )
        yield ServiceInProcess(app, metrics)
