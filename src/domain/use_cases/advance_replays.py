"""The dispatcher's part in replays: see what came of the last wave, and release the next."""

from domain.model.replays import Replay, ReplayState
from domain.ports import Stores, Transaction

DISPATCHER = "dispatcher"
"""Who has stopped or finished a replay in the audit, where nobody did."""


def advance_replays(*, transaction: Transaction) -> int:
    """
    Move every running replay on by one step; give how many failures were released.

    Several dispatchers share them replay by replay. A replay that does no good is stopped here: what it has
    not begun by then stays as it is.
    """
    with transaction(None) as stores:
        return sum(_advance(stores, replay) for replay in stores.replays.under_way())


def _advance(stores: Stores, replay: Replay) -> int:
    stores.replays.settle(replay.id)
    if replay.state is not ReplayState.RUNNING:
        return 0
    progress = stores.replays.progress(replay.id)
    after = replay.next(progress, stores.now)
    if after.state is not ReplayState.RUNNING:
        stores.replays.save(after)
        counts = {"succeeded": progress.succeeded, "failed": progress.failed, "skipped": progress.skipped}
        left = {"not begun": progress.queued, "under way": progress.under_way}
        stores.replays.note(replay.id, after.state.value, DISPATCHER, replay.reason, {**counts, **left})
        return 0
    wave = replay.wave(progress, stores.now)
    if wave:
        stores.replays.release(replay.id, wave)
        stores.replays.save(replay.released(stores.now))
    return wave
