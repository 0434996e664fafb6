"""Every use case on fakes, as `entrypoints.bootstrap` binds them to the real ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from builders import CLINIC, make_connect, make_request
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
from domain.model.connection import Connection
from domain.model.ids import ClinicId, CredentialId
from domain.model.streams import Resource
from domain.ports import Authorizer, OpenSource, Shield, Transaction
from domain.use_cases.complete_connection import ConnectOutcome, complete_connection
from domain.use_cases.disconnect import DisconnectOutcome, disconnect
from domain.use_cases.erase_payroll import EraseOutcome, erase_payroll
from domain.use_cases.finish_disconnect import FinishOutcome, finish_disconnect
from domain.use_cases.give_up import give_up
from domain.use_cases.keep_alive import keep_alive
from domain.use_cases.refresh_tokens import Refreshed, RefreshOutcome, refresh_tokens
from domain.use_cases.request_sync import RequestOutcome, request_sync
from domain.use_cases.run_slice import SliceOutcome, run_slice
from domain.use_cases.schedule_due_work import schedule_due_work
from domain.use_cases.work_replay import WorkReplayOutcome, work_replay
from fakes.authorizer import Rotation, ScriptedAuthorizer
from fakes.database import InMemoryDatabase
from fakes.opener import ScriptedTokenOpener
from fakes.shield import direct_shield
from fakes.source import ScriptedPayroll
from payroll_builders import make_organisation, make_settings
from workers.events import read_event


@dataclass
class InMemoryService:
    """
    The use cases, bound to fakes that share one clock.

    `transaction`, `identity` and `open_source` are what the use cases see of `database`, `authorizer` and
    `xero`: a test may put something in between.
    """

    database: InMemoryDatabase
    authorizer: ScriptedAuthorizer
    xero: ScriptedPayroll
    opener: ScriptedTokenOpener
    transaction: Transaction
    identity: Authorizer
    open_source: OpenSource
    stopping: Callable[[], bool] = field(default=lambda: False)
    shield: Shield = direct_shield

    def refresh(
        self,
        clinic_id: ClinicId,
        credential_id: CredentialId,
        *,
        refused: int | None = None,
        even_if_fresh: bool = False,
    ) -> Refreshed:
        bound = partial(
            refresh_tokens, transaction=self.transaction, authorizer=self.identity, shield=self.shield
        )
        return bound(clinic_id, credential_id, refused=refused, even_if_fresh=even_if_fresh)

    def complete_connection(self, event: ConnectCompleted) -> ConnectOutcome:
        return complete_connection(
            event,
            transaction=self.transaction,
            authorizer=self.identity,
            opener=self.opener,
            open_source=self.open_source,
            refresh=self.refresh,
            shield=self.shield,
        )

    def request_sync(self, event: SyncRequested) -> RequestOutcome:
        return request_sync(event, transaction=self.transaction)

    def disconnect(self, event: Disconnect) -> DisconnectOutcome:
        return disconnect(event, transaction=self.transaction)

    def give_up(self, event: InboundEvent) -> None:
        give_up(event, transaction=self.transaction)

    def run_slice(self, job: RunSlice) -> SliceOutcome:
        return run_slice(
            job,
            transaction=self.transaction,
            refresh=self.refresh,
            authorizer=self.identity,
            open_source=self.open_source,
            clock=self.database.clock,
            stopping=self.stopping,
        )

    def keep_alive(self, job: KeepAlive) -> RefreshOutcome | None:
        return keep_alive(
            job, transaction=self.transaction, refresh=self.refresh, open_source=self.open_source
        )

    def finish_disconnect(self, job: FinishDisconnect) -> FinishOutcome:
        return finish_disconnect(
            job, transaction=self.transaction, authorizer=self.identity, refresh=self.refresh
        )

    def erase_payroll(self, job: ErasePayroll) -> EraseOutcome:
        return erase_payroll(job, transaction=self.transaction)

    def work_replay(self, job: WorkReplay) -> WorkReplayOutcome:
        return work_replay(job, transaction=self.transaction, work_event=self.work_event)

    def work_event(self, document: Mapping[str, object]) -> str:
        match read_event(document):
            case ConnectCompleted() as event:
                return self.complete_connection(event)
            case SyncRequested() as event:
                return self.request_sync(event)
            case Disconnect() as event:
                return self.disconnect(event)

    def due(self) -> list[Job]:
        """What the dispatcher would send now."""
        jobs: list[Job] = []
        schedule_due_work(transaction=self.transaction, send=jobs.append)
        return jobs

    def connect(self, clinic: str = CLINIC, tenant: str = "tenant-1", user: str = "user-1") -> Connection:
        """A clinic consents and becomes active."""
        event = make_connect(self.authorizer.consent(tenant, user=user), clinic_id=ClinicId(clinic))
        outcome = self.complete_connection(event)
        assert outcome is ConnectOutcome.ACTIVE, outcome
        return self.connection(clinic)

    def connection(self, clinic: str = CLINIC) -> Connection:
        """A clinic's newest connection."""
        return self.database.connections.all_for(ClinicId(clinic))[0]

    def slice(self, clinic: str = CLINIC) -> SliceOutcome:
        """Run one slice of a clinic's connection."""
        return self.run_slice(RunSlice(ClinicId(clinic), self.connection(clinic).id))

    def sync(self, clinic: str = CLINIC) -> SliceOutcome:
        """Ask for everything anew, and run one slice."""
        self.request_sync(make_request(clinic_id=ClinicId(clinic)))
        return self.slice(clinic)


def make_service(rotation: Rotation = Rotation.GRACE_ALL, *tenants: str) -> InMemoryService:
    """A service, and a Xero that holds an organisation with payroll set up."""
    database = InMemoryDatabase()
    authorizer = ScriptedAuthorizer(database.clock, rotation)
    xero = ScriptedPayroll(database.clock, accepts=authorizer.accepts)
    for tenant in tenants or ("tenant-1",):
        xero.show(Resource.ORGANISATION, make_organisation(tenant))
    xero.show(Resource.PAYROLL_SETTINGS, make_settings())
    return InMemoryService(
        database=database,
        authorizer=authorizer,
        xero=xero,
        opener=ScriptedTokenOpener(),
        transaction=database.transaction,
        identity=authorizer,
        open_source=xero.open,
    )
