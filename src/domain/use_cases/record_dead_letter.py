"""Keep what the broker has set aside as a row, where it can be seen, counted and replayed."""

from domain.messages import DeadLetter
from domain.model.failures import Failure, FailureState
from domain.ports import Transaction


def record_dead_letter(letter: DeadLetter, *, transaction: Transaction) -> None:
    """Record it; a second time only counts as another attempt, so the letter may be taken off afterwards."""
    subject = f"connection:{letter.connection_id}" if letter.connection_id else letter.event_id
    context = {"queue": letter.queue, "digest": letter.digest, "size": str(letter.size)}
    if letter.where:
        context["where"] = letter.where
    with transaction(letter.clinic_id) as stores:
        stores.failures.record(
            Failure(
                state=FailureState.FAILED if letter.is_readable else FailureState.QUARANTINED,
                error=letter.code,
                place=letter.type or f"queue:{letter.queue}",
                subject=subject or letter.digest,
                clinic_id=letter.clinic_id,
                connection_id=letter.connection_id,
                context=context,
                event=letter.event,
            )
        )
