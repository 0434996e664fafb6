"""
The contract test kit: the main platform's own producer and consumer, held against the real service.

It starts the service on a simulated Xero, tells the producer what has happened and judges what it publishes,
lets the consumer hear what the service says, and then what it may say one day. For the main platform's CI.
"""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from entrypoints.cli.output import console
from entrypoints.demo.parts import Parts, assembled
from entrypoints.kit.hearing import hear_out
from entrypoints.kit.life import live
from entrypoints.kit.programs import Consumer, ProgramFault, consuming, overhearing
from entrypoints.kit.stage import Stage
from simulator.client import CLIENT_ID, CLIENT_SECRET


def _environment(parts: Parts, folder: Path) -> dict[str, str]:
    """What a producer is told: also where Xero is, for one that exchanges the code and seals the tokens."""
    public_keys = folder / "public.json"
    public_keys.write_text(json.dumps(parts.public_keys))
    return {
        "AMQP_URL": parts.amqp_url,
        "XERO_IDENTITY_URL": parts.simulator_url,
        "XERO_CLIENT_ID": CLIENT_ID,
        "XERO_CLIENT_SECRET": CLIENT_SECRET,
        "ALLIE_XERO_PUBLIC_KEYS": str(public_keys),
    }


def main(producer: str | None, consumer: str | None, *, patience: float, pkce: bool) -> int:
    """Run everything, and give the number of faults found. Raises NothingToRunOn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="allie-xero-kit-")))
        parts = stack.enter_context(assembled(folder, rabbitmq=True))
        console.print(f"{parts.broker}, {parts.database}, a simulated Xero\n")
        overheard = stack.enter_context(overhearing(parts.amqp_url))
        stage = Stage(parts, producer, _environment(parts, folder), patience, overheard)
        listening: Consumer | None = None
        if consumer is not None:
            try:
                listening = stack.enter_context(consuming(consumer, parts.amqp_url, patience))
            except ProgramFault as fault:
                stage.say("the consumer listens", [str(fault)])
                return stage.faults
        live(stage, pkce=pkce)
        if listening is not None:
            hear_out(stage, listening)
        return stage.faults
