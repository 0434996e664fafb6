"""Pause a replay, let it go on, end it, or approve it: what an operator does after it was begun."""

from enum import StrEnum

from domain.model.ids import ReplayId
from domain.model.replays import Replay, ReplayState
from domain.ports import Transaction
from domain.use_cases.replay_failures import ReplayRefused


class Steer(StrEnum):
    """What an operator may do to a replay."""

    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


MOVES = {
    Steer.APPROVE: ({ReplayState.AWAITING_APPROVAL}, ReplayState.RUNNING),
    Steer.PAUSE: ({ReplayState.RUNNING}, ReplayState.PAUSED),
    Steer.RESUME: ({ReplayState.PAUSED}, ReplayState.RUNNING),
    Steer.CANCEL: (
        {ReplayState.AWAITING_APPROVAL, ReplayState.RUNNING, ReplayState.PAUSED},
        ReplayState.CANCELLED,
    ),
}


def steer_replay(
    replay_id: ReplayId, steer: Steer, operator: str, reason: str, *, transaction: Transaction
) -> Replay:
    """
    Move a replay on, and note who did it; what was replayed stays replayed.

    Raises ReplayRefused if there is no such replay, it is not where this could move it, or somebody approves
    a replay of their own.
    """
    wanted, after = MOVES[steer]
    with transaction(None) as stores:
        replay = stores.replays.get_for_update(replay_id)
        if replay is None:
            raise ReplayRefused(f"there is no replay {replay_id}; see: allie-xero replay list")
        if replay.state not in wanted:
            raise ReplayRefused(f"replay {replay_id} is {replay.state}: it cannot be steered so")
        if steer is Steer.APPROVE and operator == replay.operator:
            raise ReplayRefused(f"{operator} has begun replay {replay_id}: somebody else has to approve it")
        moved = replay.steered(after, stores.now)
        stores.replays.save(moved)
        stores.replays.note(replay_id, steer.value, operator, reason, {})
        return moved
