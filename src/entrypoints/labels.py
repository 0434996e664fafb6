"""
The labels of the metrics, and every value that each may have.

What is not on a list is counted as `other`, so no input can make new series. No clinic, connection, run
or employee is ever a label (https://prometheus.io/docs/practices/naming/#labels): ask logs and the database.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.errors import Limit
from domain.model.connection import ConnectionStatus, Reason
from domain.model.failures import FailureState
from domain.model.replays import ItemState, ReplayState
from domain.model.streams import Resource, Stream
from domain.model.sync import Mode
from domain.use_cases.complete_connection import ConnectOutcome
from domain.use_cases.disconnect import DisconnectOutcome
from domain.use_cases.erase_payroll import EraseOutcome
from domain.use_cases.finish_disconnect import FinishOutcome
from domain.use_cases.refresh_tokens import RefreshOutcome
from domain.use_cases.request_sync import RequestOutcome
from domain.use_cases.run_slice import SliceOutcome
from domain.use_cases.work_replay import WorkReplayOutcome
from workers import queues

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Label:
    """A label's name and its closed list of values."""

    name: str
    values: frozenset[str] = field(repr=False)

    def fold(self, value: str) -> str:
        """The value, or `other` if it is not on the list."""
        return value if value in self.values else OTHER

    @property
    def every(self) -> list[str]:
        """Every value that a series can have, `other` last."""
        return [*sorted(self.values), OTHER]


def _of(name: str, *values: str | type[StrEnum]) -> Label:
    """A label of these values, and of the members of these enums."""
    flat = [list(one) if isinstance(one, type) else [one] for one in values]
    return Label(name, frozenset(str(value) for part in flat for value in part))


QUEUE = _of("queue", *queues.QUEUES)
ACTOR = _of(
    "actor",
    queues.COMPLETE_CONNECTION,
    queues.DISCONNECT,
    queues.REQUEST_SYNC,
    queues.FINISH_DISCONNECT,
    queues.KEEP_ALIVE,
    queues.ERASE_PAYROLL,
    queues.RUN_SLICE,
    queues.WORK_REPLAY,
)
RESULT = _of("result", "ok", "retried", "failed", "dropped", "stale")
OUTCOME = _of(
    "outcome",
    ConnectOutcome,
    DisconnectOutcome,
    RequestOutcome,
    FinishOutcome,
    EraseOutcome,
    RefreshOutcome,
    SliceOutcome,
    WorkReplayOutcome,
)
REFUSAL = _of(
    "why",
    "too_large",
    "not_json",
    "not_an_object",
    "unknown_event_type",
    "malformed_event",
    "neither_event_nor_message",
    "wrong_queue",
    "wrong_actor",
    "malformed_options",
    "stale_ack",
)
DEAD_LETTER = _of("code", *REFUSAL.values - {"stale_ack"}, "rejected", "delivery_limit", "expired", "maxlen")
DEPTH = _of("kind", "ready", "delayed", "dead")

REFRESH = _of(
    "result",
    *set(RefreshOutcome),
    "busy",
    "transient",
    "unknown_outcome",
    "consent_withdrawn",
    "client_rejected",
    "fenced",
    "unreadable",
)
REFRESH_PHASE = _of("phase", "xero", "all")
CRYPTO = _of("op", "new_key", "seal", "open", "rewrap", "receive")
CRYPTO_RESULT = _of("result", "ok", "unreadable")

_PAYROLL = (
    "employees",
    "leaveapplications",
    "payitems",
    "payrollcalendars",
    "payruncalendars",
    "payruns",
    "payslip",
    "payslips",
    "settings",
    "superfunds",
    "timesheets",
    "earningsrates",
    "deductions",
    "leavetypes",
    "reimbursements",
)
_OF_EMPLOYEE = ("leave", "leavebalances", "leaveperiods", "leavetypes", "salaryandwages", "tax")
ENDPOINT = _of(
    "endpoint",
    "connect/token",
    "connect/revocation",
    "connections",
    "connections/{id}",
    "organisation",
    "users",
    *_PAYROLL,
    *(f"{name}/{{id}}" for name in ("employees", "leaveapplications", "payruns", "payslip", "payslips")),
    "timesheets/{id}",
    "leaveapplications/v2",
    *(f"employees/{{id}}/{name}" for name in _OF_EMPLOYEE),
)
STATUS = _of("status_class", "2xx", "3xx", "4xx", "5xx", "429", "none")
LIMIT = _of("limit", Limit)

RESOURCE = _of("resource", Resource)
RECORD = _of("outcome", "read", "unreadable", "gone", "refused")
STREAM = _of("stream", Stream)
MODE = _of("mode", Mode, "backfill")
RUN_RESULT = _of("result", "ok", "partial", "clinic", "faulty")

CONNECTION_STATE = _of("state", ConnectionStatus, "paused", "revocation_pending")
CONNECTION_STATUS = _of("status", ConnectionStatus)
REASON = _of("reason", Reason, "none")
FAILURE_STATE = _of("state", FailureState)
REPLAY_STATE = _of("state", ReplayState)
REPLAYED = _of("state", ItemState)
SYNC_STATE = _of("state", "queued", "running")
PERCENTILE = _of("percentile", "50", "95", "100")
WINDOW = _of("window", "minute", "day")
KEY_ROLE = _of("role", "primary", "older")

EVENT = _of("event", "connection-changed", "sync-finished", "payroll-changed", "payroll-erased")
PUBLISH = _of("result", "confirmed", "returned", "nacked", "error")
REDACTION = _of("surface", "key", "exception", "library")
STORAGE_FAULT = _of("kind", "unavailable", "full", "conflict", "bug")
POOL = _of("state", "idle", "busy")
PART = _of("part", "consumer", "dispatcher", "gauges")
READ = _of("result", "ok", "failed", "not_leading")
