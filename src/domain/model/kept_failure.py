"""A failure as it is kept: whether it can be worked again, and if not, what has to be done first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.model.connection import ConnectionStatus, Region
from domain.model.failures import JOB, SLICE, SYNC, Failure, FailureState
from domain.model.ids import ClinicId, FailureId, ReplayId

NEEDS_CONNECTION = (SYNC, SLICE, JOB)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureQuery:
    """Which failures are meant; what is None does not matter. `since` and `until` are of the last attempt."""

    clinic_id: ClinicId | None = None
    stream: str | None = None
    fingerprint: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: Sequence[FailureId] | None = None

    @property
    def scope(self) -> tuple[str | None, str | None, str | None]:
        """What of it stays the same from a canary to the rest, while time goes on."""
        return self.clinic_id, self.stream, self.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFailure:
    """
    A failure as it is kept, with what decides whether it can be worked again.

    `status` and `region` are of the connection it concerns. `consent_held` says that the tokens of a failed
    connect are here, `paused_until` that its clinic rests, `replayed_by` which replay works on it already.
    """

    id: FailureId
    failure: Failure
    attempts: int = 1
    first_seen_at: datetime
    last_seen_at: datetime
    status: ConnectionStatus | None = None
    region: Region | None = None
    consent_held: bool = False
    paused_until: datetime | None = None
    replayed_by: ReplayId | None = None

    @property
    def state(self) -> FailureState:
        """Its state now: what needs a connection waits while the clinic has none."""
        stored = self.failure.state
        needs_connection = self.failure.place in NEEDS_CONNECTION
        is_away = self.status not in (None, ConnectionStatus.ACTIVE)
        if stored.is_open and needs_connection and is_away:
            return FailureState.PARKED_RECONNECT
        return stored

    @property
    def refusal(self) -> str | None:
        """Why it cannot be worked again now, and what to do first; None if it can."""
        if not self.state.is_replayable:
            return _WAITS[self.state].format(until=_instant(self.failure.until))
        if self.replayed_by is not None:
            return f"replay {self.replayed_by} has it; see: allie-xero replay show {self.replayed_by}"
        if self.paused_until is not None:
            return f"it is paused until {_instant(self.paused_until)}; see: allie-xero pauses"
        return self._impossible()

    def _impossible(self) -> str | None:
        failure = self.failure
        if failure.place in NEEDS_CONNECTION:
            return None if self.status is not None else "its connection is gone; discard it"
        if failure.event is None:
            return _NO_REPLAY.get(failure.place, _UNREADABLE)
        if ".connect-completed." in str(failure.event["type"]) and not self.consent_held:
            return "a grant is never kept, so its consent is gone: the clinic connects again; then discard it"
        return None


_WAITS = {
    FailureState.RETRYING: "it is tried again by itself, next at {until}; wait, or mend what it waits for",
    FailureState.PARKED_MINUTE: "Xero's limit of this minute is used up; it goes on by itself at {until}",
    FailureState.PARKED_DAY: "Xero's limit of today is used up; it goes on by itself at {until}",
    FailureState.PARKED_OUTAGE: "Xero is away; it goes on by itself, next at {until}",
    FailureState.PARKED_RECONNECT: "its clinic must connect again first; it has been told why",
    FailureState.RESOLVED: "it is resolved; nothing to do",
    FailureState.DISCARDED: "it was discarded; nothing to do",
}

_NO_REPLAY = {
    "refresh": "the clinic must connect again; it has been told, and its tokens are tried once a day",
    "finish_disconnect": "its tokens are destroyed; see that Xero lists no connection, then discard it",
}

_UNREADABLE = "what cannot be read is not kept: its sender mends it and publishes it again; then discard it"


def _instant(at: datetime | None) -> str:
    return at.strftime("%d %b %H:%M UTC") if at is not None else "a time not known yet"
