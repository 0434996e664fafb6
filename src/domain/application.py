"""
Everything the service can do, on one screen.

Each field is a use case with its ports bound (`entrypoints.bootstrap` binds them). Actors, dispatcher and
command line get an `Application` and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from domain.messages import (
    ConnectCompleted,
    DeadLetter,
    Disconnect,
    ErasePayroll,
    FinishDisconnect,
    InboundEvent,
    KeepAlive,
    RunSlice,
    SyncRequested,
    WorkReplay,
)
from domain.model.ids import ClinicId
from domain.model.probing import Probed
from domain.ports import Publish, SendJob
from domain.use_cases.complete_connection import ConnectOutcome
from domain.use_cases.disconnect import DisconnectOutcome
from domain.use_cases.erase_payroll import EraseOutcome
from domain.use_cases.finish_disconnect import FinishOutcome
from domain.use_cases.refresh_tokens import RefreshOutcome
from domain.use_cases.request_sync import RequestOutcome
from domain.use_cases.run_slice import SliceOutcome
from domain.use_cases.work_replay import WorkReplayOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The driving side of the hexagon."""

    complete_connection: Callable[[ConnectCompleted], ConnectOutcome]
    request_sync: Callable[[SyncRequested], RequestOutcome]
    disconnect: Callable[[Disconnect], DisconnectOutcome]
    dare: Callable[[InboundEvent], bool]
    outlive: Callable[[InboundEvent], None]
    give_up: Callable[[InboundEvent], None]

    run_slice: Callable[[RunSlice], SliceOutcome]
    keep_alive: Callable[[KeepAlive], RefreshOutcome | None]
    finish_disconnect: Callable[[FinishDisconnect], FinishOutcome]
    erase_payroll: Callable[[ErasePayroll], EraseOutcome]

    work_replay: Callable[[WorkReplay], WorkReplayOutcome]

    advance_replays: Callable[[], int]
    schedule_due_work: Callable[[SendJob], int]
    relay_outbox: Callable[[Publish], int]
    record_dead_letter: Callable[[DeadLetter], None]
    expire_failures: Callable[[], int]
    apply_retention: Callable[[], int]

    probe_xero: Callable[[ClinicId], Probed | None]
