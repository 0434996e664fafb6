"""Whether the main platform's consumer works all that it may hear, once."""

import json
import secrets
from collections import Counter

from entrypoints.exchange import send_raw
from entrypoints.kit.programs import Consumer, ProgramFault, within
from entrypoints.kit.stage import Stage
from entrypoints.kit.trials import Trial, trials


def hear_out(stage: Stage, consumer: Consumer) -> None:
    """What the service has published meanwhile, and then every trial, together in one queue."""
    published = {event["id"]: _kind(event["type"]) for event in stage.parts.heard}
    stage.say("every event of the service is worked", _missing(consumer, published, stage.patience))
    tried = list(trials(f"kit-{secrets.token_hex(4)}"))
    for trial in tried:
        _publish(stage.parts.amqp_url, trial)
    due = {trial.document["id"]: trial.name for trial in tried if trial.is_bound}
    stage.say(
        "so is all that version 1 allows: new fields, new values, duplicates, crossings",
        _missing(consumer, due, stage.patience),
    )
    twice = [event_id for event_id, times in Counter(consumer.worked).items() if times > 1]
    names = published | due
    stage.say(
        "a duplicate is not worked again",
        [f"worked more than once: {names[one]}" for one in twice if one in names],
    )


def _missing(consumer: Consumer, due: dict[str, str], patience: float) -> list[str]:
    """What was not worked in time, one line each."""
    try:
        if within(patience, lambda: consumer.has_worked(due)):
            return []
        ended = []
    except ProgramFault as fault:
        ended = [str(fault)]
    return ended + [f"not worked: {name}" for one, name in due.items() if one not in set(consumer.worked)]


def _publish(amqp_url: str, trial: Trial) -> None:
    body, kind = json.dumps(trial.document).encode(), trial.document["type"]
    for _ in range(trial.times):
        send_raw(amqp_url, body, kind, message_id=trial.document["id"])


def _kind(event_type: str) -> str:
    return event_type.removeprefix("allie.xero.")
