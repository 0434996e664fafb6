"""What went wrong, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.model.failures import Failure, FailureState
from domain.model.ids import ConnectionId

OPEN = (FailureState.RETRYING, FailureState.QUARANTINED, FailureState.FAILED)


@dataclass(frozen=True, slots=True)
class KeptFailure:
    """A failure and how often it was met."""

    failure: Failure
    attempts: int = 1

    @property
    def is_open(self) -> bool:
        return self.failure.state in OPEN


class InMemoryFailureStore:
    """See `domain.ports.FailureStore`."""

    def __init__(self) -> None:
        self.kept: list[KeptFailure] = []

    def record(self, failure: Failure) -> None:
        for number, kept in enumerate(self.kept):
            if kept.is_open and _key(kept.failure) == _key(failure):
                self.kept[number] = KeptFailure(failure, kept.attempts + 1)
                return
        self.kept.append(KeptFailure(failure))

    def resolve(self, connection_id: ConnectionId, subjects: Sequence[str]) -> None:
        well = set(subjects)
        for number, kept in enumerate(self.kept):
            mine = kept.failure.connection_id == connection_id and kept.failure.subject in well
            if kept.is_open and mine:
                resolved = replace(kept.failure, state=FailureState.RESOLVED)
                self.kept[number] = replace(kept, failure=resolved)


def _key(failure: Failure) -> tuple[ConnectionId | None, str, str]:
    return failure.connection_id, failure.place, failure.subject
