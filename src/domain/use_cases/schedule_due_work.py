"""The clock's part: find rows whose time has come, and send a message for each."""

from domain.ports import SendJob, Transaction

BATCH = 500
"""Jobs of one tick; what is left is due at the next."""


def schedule_due_work(*, transaction: Transaction, send: SendJob) -> int:
    """
    Send what is due and give how many messages that was.

    Rows are claimed for a minute and committed before their messages leave, so several dispatchers share the
    work, and a message that is lost is sent again a minute later. Raises what `send` raises.
    """
    with transaction(None) as stores:
        stores.work.queue_periodic(BATCH)
        jobs = stores.work.due(BATCH)
    for job in jobs:
        send(job)
    return len(jobs)
